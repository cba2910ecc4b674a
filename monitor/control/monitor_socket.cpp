#include "monitor/control/monitor_socket.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>

namespace ringpress {

MonitorSocket::MonitorSocket(const MonitorChannel& channel, MachineControl& machine)
    : channel_(channel), machine_(machine) {
    UniqueFd socket = open_monitor_socket(channel);
    if (!channel.server) {
        begin_session(std::move(socket));
        return;
    }
    listener_ = std::move(socket);
    if (!channel.wait) return;
    fmt::print(stderr, "ringpress: -monitor waits for a connection (nowait lets the guest start without)\n");
    pollfd ready{listener_.get(), POLLIN, 0};
    while (!client_) {
        poll(&ready, 1, -1);
        handle({&ready, 1});
    }
}

MonitorSocket::~MonitorSocket() {
    if (listener_ && channel_.kind == MonitorChannel::Kind::unix_socket) unlink(channel_.path.c_str());
}

void MonitorSocket::begin_session(UniqueFd client) {
    client_ = std::move(client);
    telnet_ = {};
    terminal_.emplace(machine_,
                      channel_.telnet ? MonitorTerminal::Style::edited : MonitorTerminal::Style::plain);
    unsent_ = (channel_.telnet ? std::string(Telnet::kGreeting) : "") + terminal_->begin();
    flush();
}

void MonitorSocket::add_poll_fds(std::vector<pollfd>& fds) {
    if (listener_ && !client_) fds.push_back({listener_.get(), POLLIN, 0});
    if (!client_) return;
    const bool reads = unsent_.size() < kEnoughUnread;
    fds.push_back(
        {client_.get(), static_cast<short>((reads ? POLLIN : 0) | (unsent_.empty() ? 0 : POLLOUT)), 0});
}

void MonitorSocket::handle(std::span<const pollfd> fds) {
    for (const pollfd& fd : fds) {
        if (fd.revents == 0) continue;
        if (fd.fd == listener_.get()) {
            UniqueFd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
            if (client) begin_session(std::move(client));
        } else if (fd.fd == client_.get()) {
            if (fd.revents & (POLLIN | POLLHUP | POLLERR)) read_client();
            flush();
        }
    }
}

void MonitorSocket::read_client() {
    std::uint8_t bytes[1024];
    const ssize_t n = recv(client_.get(), bytes, sizeof bytes, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return client_.reset();
    const std::span<const std::uint8_t> received(bytes, static_cast<std::size_t>(n));
    if (channel_.telnet) {
        const std::string keys = telnet_.keys(received);
        unsent_ += terminal_->feed({reinterpret_cast<const std::uint8_t*>(keys.data()), keys.size()});
    } else {
        unsent_ += terminal_->feed(received);
    }
}

void MonitorSocket::flush() {
    while (client_ && !unsent_.empty()) {
        const ssize_t n = send(client_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (n < 0) return client_.reset();
        unsent_.erase(0, static_cast<std::size_t>(n));
    }
    if (!client_) unsent_.clear();
}

}  // namespace ringpress
