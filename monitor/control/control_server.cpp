#include "monitor/control/control_server.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>

#include "monitor/control/control_protocol.hpp"
#include "monitor/vm_directory.hpp"

namespace ringpress {

std::string machine_status(MachineControl& machine) {
    const RunConfig& config = machine.config();
    const Arena& arena = machine.arena();
    std::uint64_t traps = 0;
    for (unsigned i = 0; i < kTrapCauses; ++i)
        if (static_cast<TrapCause>(i) != TrapCause::gate) traps += arena.statistics.traps[i];
    const char* const levels[] = {"ignore", "trap", "inline"};
    const nlohmann::json status = {
        {"name", config.name},
        {"pid", getpid()},
        {"engine", config.engine == Engine::ptrace ? "ptrace" : "seccomp"},
        {"sensitive", levels[static_cast<unsigned>(config.sensitive)]},
        {"kernel", config.kernel},
        {"ram_bytes", config.ram_bytes},
        {"seconds", machine.seconds()},
        {"state", machine.running() ? "running" : "paused"},
        {"traps", traps},
        {"gates", arena.statistics.traps[static_cast<unsigned>(TrapCause::gate)]},
    };
    // A kernel's file name may be any bytes.
    return status.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string ControlServer::names(std::string_view addresses) {
    std::string text;
    while (!addresses.empty()) {
        const std::string_view word = addresses.substr(0, addresses.find(' '));
        std::uint32_t address = 0;
        std::from_chars(word.data(), word.data() + word.size(), address, 16);
        text += machine_.name_of(address) + "\n";
        addresses.remove_prefix(std::min(addresses.size(), word.size() + 1));
    }
    return text;
}

void ControlServer::add_poll_fds(std::vector<pollfd>& fds) {
    fds.push_back({listener_, static_cast<short>(clients_.size() < kMaxClients ? POLLIN : 0), 0});
    for (const Client& client : clients_)
        fds.push_back({client.socket.get(), static_cast<short>(client.answer.empty() ? POLLIN : POLLOUT), 0});
}

void ControlServer::handle(std::span<const pollfd> fds) {
    for (const pollfd& fd : fds) {
        if (fd.revents == 0) continue;
        if (fd.fd == listener_) {
            accept_client();
            continue;
        }
        const auto client = std::find_if(clients_.begin(), clients_.end(),
                                         [&](const Client& c) { return c.socket.get() == fd.fd; });
        if (client == clients_.end()) continue;
        if (client->answer.empty()) read_request(*client);
        send_answer(*client);
    }
    clients_.remove_if([](const Client& c) { return c.gone; });
}

void ControlServer::flush() {
    for (Client& client : clients_) send_answer(client);
}

void ControlServer::accept_client() {
    UniqueFd socket(accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket || !peer_is_this_user(socket.get())) return;
    clients_.push_back({std::move(socket), HumanMonitor(machine_), {}});
}

void ControlServer::read_request(Client& client) {
    char request[control::kMaxRequest];
    const ssize_t n = recv(client.socket.get(), request, sizeof request, MSG_TRUNC);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0)
        client.gone = true;
    else if (static_cast<std::size_t>(n) > sizeof request)
        end_answer(client, control::kError, "the request is too long");
    else
        answer(client, {request, static_cast<std::size_t>(n)});
}

void ControlServer::answer(Client& client, std::string_view request) {
    if (request.starts_with(control::kMonitor)) {
        end_answer(client, control::kDone, client.monitor.run(request.substr(control::kMonitor.size())));
    } else if (request == control::kStatus) {
        end_answer(client, control::kDone, machine_status(machine_));
    } else if (request.starts_with(control::kNames)) {
        end_answer(client, control::kDone, names(request.substr(control::kNames.size())));
    } else if (request == control::kArena) {
        // A descriptor of its own that cannot write, proc(5): the arena is the guest's and the core's.
        const std::string path = fmt::format("/proc/self/fd/{}", machine_.arena_fd());
        UniqueFd descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (descriptor)
            end_answer(client, control::kDone, "", std::move(descriptor));
        else
            end_answer(client, control::kError,
                       fmt::format("no descriptor to be had: {}", std::strerror(errno)));
    } else {
        end_answer(client, control::kError, "unknown request");
    }
}

/// Queues the answer in packets of a size that a socket's buffer takes.
void ControlServer::end_answer(Client& client, char kind, std::string_view text, UniqueFd descriptor) {
    if (kind == control::kDone) {
        for (; !text.empty(); text.remove_prefix(std::min(text.size(), control::kMaxPacket - 1)))
            client.answer.push_back(
                {control::kData + std::string(text.substr(0, control::kMaxPacket - 1)), {}});
    }
    client.answer.push_back({kind + std::string(text), std::move(descriptor)});
}

void ControlServer::send_answer(Client& client) {
    while (!client.gone && !client.answer.empty()) {
        Packet& packet = client.answer.front();
        iovec part{packet.bytes.data(), packet.bytes.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        alignas(cmsghdr) char buffer[CMSG_SPACE(sizeof(int))] = {};
        if (packet.descriptor) {
            message.msg_control = buffer;
            message.msg_controllen = sizeof buffer;
            cmsghdr* header = CMSG_FIRSTHDR(&message);
            header->cmsg_level = SOL_SOCKET;
            header->cmsg_type = SCM_RIGHTS;
            header->cmsg_len = CMSG_LEN(sizeof(int));
            const int fd = packet.descriptor.get();
            std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
        }
        if (sendmsg(client.socket.get(), &message, MSG_NOSIGNAL) < 0) {
            if (errno == EAGAIN || errno == EINTR) return;
            client.gone = true;
        } else {
            client.answer.pop_front();
        }
    }
}

}  // namespace ringpress
