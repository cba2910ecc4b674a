#include "monitor/vm_directory.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <stdexcept>

namespace ringpress {
namespace {

constexpr std::size_t kMaxName = 64;

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

void check_vm_name(const std::string& name) {
    bool good = !name.empty() && name.size() <= kMaxName && is_alphanumeric(name[0]);
    for (const char c : name) good = good && (is_alphanumeric(c) || c == '.' || c == '_' || c == '-');
    if (!good) {
        throw std::runtime_error(
            fmt::format("'{}' cannot name a virtual machine: use 1 to {} letters, digits, '.', "
                        "'_' or '-', and begin with a letter or digit",
                        name, kMaxName));
    }
}

VmName::VmName(const std::string& name) {
    check_vm_name(name);
    const std::string path = fmt::format("ringpress/{}/{}", getuid(), name);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    static_assert(sizeof(address.sun_path) > kMaxName + 32);
    // Byte 0 of sun_path stays zero: that makes the address abstract.
    std::memcpy(address.sun_path + 1, path.data(), path.size());
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + path.size());

    socket_.reset(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_) {
        throw std::runtime_error(
            fmt::format("cannot register the name '{}': {}", name, std::strerror(errno)));
    }
    if (bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) {
        if (errno == EADDRINUSE) {
            throw std::runtime_error(
                fmt::format("a virtual machine named '{}' is running already: choose another --name", name));
        }
        throw std::runtime_error(
            fmt::format("cannot register the name '{}': {}", name, std::strerror(errno)));
    }
    if (listen(socket_.get(), 4) != 0) {
        throw std::runtime_error(
            fmt::format("cannot register the name '{}': {}", name, std::strerror(errno)));
    }
}

}  // namespace ringpress
