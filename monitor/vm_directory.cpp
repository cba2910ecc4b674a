#include "monitor/vm_directory.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <set>
#include <stdexcept>

namespace ringpress {
namespace {

constexpr std::size_t kMaxName = 64;

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool valid(const std::string& name) {
    bool good = !name.empty() && name.size() <= kMaxName && is_alphanumeric(name[0]);
    for (const char c : name) good = good && (is_alphanumeric(c) || c == '.' || c == '_' || c == '-');
    return good;
}

/// Where the machine of a name listens.
struct Address {
    explicit Address(const std::string& name) {
        const std::string path = fmt::format("ringpress/{}/{}", getuid(), name);
        where.sun_family = AF_UNIX;
        static_assert(sizeof(where.sun_path) > kMaxName + 32);
        // Byte 0 of sun_path stays zero: that makes the address abstract.
        std::memcpy(where.sun_path + 1, path.data(), path.size());
        length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + path.size());
    }
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&where); }

    sockaddr_un where{};
    socklen_t length = 0;
};

}  // namespace

void check_vm_name(const std::string& name) {
    if (!valid(name)) {
        throw std::runtime_error(
            fmt::format("'{}' cannot name a virtual machine: use 1 to {} letters, digits, '.', "
                        "'_' or '-', and begin with a letter or digit",
                        name, kMaxName));
    }
}

std::string default_vm_name() {
    return fmt::format("vm-{}", getpid());
}

std::vector<std::string> running_vm_names() {
    // proc(5): the last column is the path, with '@' for the zero byte of an abstract one.  Connections that
    // were accepted are listed with the listener's name, too.
    const std::string prefix = fmt::format("@ringpress/{}/", getuid());
    std::ifstream table("/proc/net/unix");
    std::set<std::string> names;
    for (std::string line; std::getline(table, line);) {
        const std::size_t at = line.rfind(' ');
        if (at == std::string::npos || line.compare(at + 1, prefix.size(), prefix) != 0) continue;
        const std::string name = line.substr(at + 1 + prefix.size());
        if (valid(name)) names.insert(name);
    }
    return {names.begin(), names.end()};
}

bool peer_is_this_user(int socket) {
    ucred peer{};
    socklen_t length = sizeof peer;
    return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == getuid();
}

UniqueFd connect_to_vm(const std::string& name) {
    check_vm_name(name);
    const Address address(name);
    UniqueFd connection(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (!connection) throw std::runtime_error(fmt::format("no socket to be had: {}", std::strerror(errno)));
    if (connect(connection.get(), address.get(), address.length) != 0) {
        if (errno == ECONNREFUSED) {
            throw std::runtime_error(
                fmt::format("no virtual machine named '{}' is running: ringpress ps lists yours", name));
        }
        throw std::runtime_error(
            fmt::format("cannot reach the virtual machine '{}': {}", name, std::strerror(errno)));
    }
    if (!peer_is_this_user(connection.get()))
        throw std::runtime_error(fmt::format("the name '{}' is held by a process of another user", name));
    return connection;
}

VmName::VmName(const std::string& name) : name_(name) {
    check_vm_name(name);
    const Address address(name);
    socket_.reset(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_) {
        throw std::runtime_error(
            fmt::format("cannot register the name '{}': {}", name, std::strerror(errno)));
    }
    if (bind(socket_.get(), address.get(), address.length) != 0) {
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
