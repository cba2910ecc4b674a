#include "monitor/debug/gdb_address.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace ringpress {

namespace {

constexpr int kSocketFlags = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;

[[noreturn]] void refuse(const std::string& what) {
    throw std::runtime_error(fmt::format("-gdb: {}: {}", what, std::strerror(errno)));
}

/// Cuts off ",server,nowait" and their newer forms.
std::string without_options(const std::string& text) {
    static constexpr const char* kKnown[] = {"server",  "server=on",  "nowait", "wait=off",
                                             "nodelay", "nodelay=on", "ipv4",   "ipv4=on"};
    const std::size_t comma = text.find(',');
    for (std::size_t at = comma; at != std::string::npos;) {
        const std::size_t next = text.find(',', at + 1);
        const std::string option =
            text.substr(at + 1, next == std::string::npos ? std::string::npos : next - at - 1);
        if (std::find(std::begin(kKnown), std::end(kKnown), option) == std::end(kKnown))
            throw std::runtime_error(
                fmt::format("-gdb {}: '{}' is not among server, nowait, nodelay", text, option));
        at = next;
    }
    return text.substr(0, comma);
}

}  // namespace

GdbAddress GdbAddress::parse(const std::string& text) {
    const auto wrong = [&]() -> std::runtime_error {
        return std::runtime_error(
            fmt::format("-gdb '{}': write tcp::PORT, tcp:HOST:PORT, unix:PATH or none", text));
    };
    GdbAddress a;
    const std::string plain = without_options(text);
    if (plain == "none") return a;
    a.none = false;
    if (plain.starts_with("unix:")) {
        a.path = plain.substr(5);
        if (a.path.empty()) throw wrong();
        if (a.path.size() >= sizeof(sockaddr_un::sun_path))
            throw std::runtime_error(fmt::format("-gdb '{}': the path of a socket has {} bytes at most", text,
                                                 sizeof(sockaddr_un::sun_path) - 1));
        return a;
    }
    const std::size_t colon = plain.rfind(':');
    if (!plain.starts_with("tcp:") || colon < 4) throw wrong();
    a.host = plain.substr(4, colon - 4);
    if (a.host.size() > 2 && a.host.front() == '[' && a.host.back() == ']')
        a.host = a.host.substr(1, a.host.size() - 2);
    if (a.host.empty()) a.host = "127.0.0.1";
    a.port = plain.substr(colon + 1);
    const bool number =
        !a.port.empty() && a.port.size() <= 5 &&
        std::all_of(a.port.begin(), a.port.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!number || std::stoi(a.port) < 1 || std::stoi(a.port) > 65535)
        throw std::runtime_error(fmt::format("-gdb '{}': a port is a number from 1 to 65535", text));
    return a;
}

GdbListener::GdbListener(const GdbAddress& address) {
    if (address.path.empty())
        listen_tcp(address);
    else
        listen_unix(address.path);
}

GdbListener::~GdbListener() {
    if (!path_.empty()) unlink(path_.c_str());
}

void GdbListener::listen_tcp(const GdbAddress& address) {
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    const int error = getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &found);
    if (error != 0)
        throw std::runtime_error(fmt::format("-gdb: host '{}': {}", address.host, gai_strerror(error)));
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(found, freeaddrinfo);
    fd_.reset(socket(found->ai_family, kSocketFlags, 0));
    const int on = 1;
    // A port that a debugger has just left is free at once.
    if (fd_) setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (!fd_ || bind(fd_.get(), found->ai_addr, found->ai_addrlen) != 0 || listen(fd_.get(), 1) != 0)
        refuse(fmt::format("cannot listen at {} port {}", address.host, address.port));
}

void GdbListener::listen_unix(const std::string& path) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, path.c_str(), path.size());
    const auto* to = reinterpret_cast<const sockaddr*>(&name);
    struct stat old {};
    if (lstat(path.c_str(), &old) == 0 && S_ISSOCK(old.st_mode)) {
        // What a killed process has left behind answers nobody.
        const UniqueFd probe(socket(AF_UNIX, kSocketFlags, 0));
        if (probe && connect(probe.get(), to, sizeof name) != 0 && errno == ECONNREFUSED)
            unlink(path.c_str());
    }
    fd_.reset(socket(AF_UNIX, kSocketFlags, 0));
    if (!fd_ || bind(fd_.get(), to, sizeof name) != 0) refuse(fmt::format("cannot listen at {}", path));
    path_ = path;
    if (listen(fd_.get(), 1) != 0) refuse(fmt::format("cannot listen at {}", path));
}

UniqueFd GdbListener::accept() const {
    UniqueFd connection(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    const int on = 1;
    if (connection && path_.empty()) setsockopt(connection.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return connection;
}

}  // namespace ringpress
