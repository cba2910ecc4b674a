#include "monitor/control/control_client.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "monitor/control/control_protocol.hpp"
#include "monitor/vm_directory.hpp"

namespace ringpress {

ControlClient::ControlClient(const std::string& name) : name_(name), socket_(connect_to_vm(name)) {}

std::string ControlClient::ask(std::string_view request, UniqueFd* descriptor, int seconds) {
    if (request.size() > control::kMaxRequest) throw std::runtime_error("the command is too long");
    const timeval patience{seconds, 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const auto ended = [&] {
        return std::runtime_error(fmt::format("the virtual machine '{}' ended before it answered", name_));
    };
    if (send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) throw ended();

    std::string answer;
    std::vector<char> packet(control::kMaxPacket);
    for (;;) {
        iovec part{packet.data(), packet.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        alignas(cmsghdr) char buffer[CMSG_SPACE(sizeof(int))] = {};
        message.msg_control = buffer;
        message.msg_controllen = sizeof buffer;
        const ssize_t n = recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN)
            throw std::runtime_error(fmt::format("the virtual machine '{}' does not answer", name_));
        if (n <= 0) throw ended();
        const cmsghdr* header = CMSG_FIRSTHDR(&message);
        if (header && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof(int))) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
            UniqueFd received(fd);
            if (descriptor) *descriptor = std::move(received);
        }
        const std::string text(packet.data() + 1, static_cast<std::size_t>(n) - 1);
        if (packet[0] == control::kDone) return answer;
        if (packet[0] == control::kError) throw std::runtime_error(fmt::format("'{}': {}", name_, text));
        answer += text;
    }
}

}  // namespace ringpress
