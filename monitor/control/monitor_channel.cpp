#include "monitor/control/monitor_channel.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace ringpress {

namespace {

[[noreturn]] void refuse(const std::string& what) {
    throw std::runtime_error("-monitor: " + what);
}

/// The part of `rest` up to the next comma, which is taken off with it.
std::string take_part(std::string& rest) {
    const std::size_t comma = rest.find(',');
    std::string part = rest.substr(0, comma);
    rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
    return part;
}

bool on_or_off(const std::string& option, const std::string& value) {
    if (value == "on" || value.empty()) return true;
    if (value == "off") return false;
    refuse(fmt::format("'{}={}': say on or off", option, value));
}

void take_options(MonitorChannel& channel, std::string rest) {
    while (!rest.empty()) {
        const std::string part = take_part(rest);
        const std::size_t equals = part.find('=');
        const std::string name = part.substr(0, equals);
        const std::string value = equals == std::string::npos ? "" : part.substr(equals + 1);
        if (name == "server")
            channel.server = on_or_off(name, value);
        else if (name == "wait")
            channel.wait = on_or_off(name, value);
        else if (name == "nowait" && value.empty())
            channel.wait = false;
        else if (name == "nodelay")
            on_or_off(name, value);
        else
            refuse(fmt::format("unknown option '{}': server, wait and nowait are known", name));
    }
}

std::string describe(const MonitorChannel& channel) {
    return channel.kind == MonitorChannel::Kind::unix_socket ? channel.path
                                                             : channel.host + ":" + channel.port;
}

UniqueFd open_unix(const MonitorChannel& channel) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (channel.path.size() >= sizeof address.sun_path)
        refuse(fmt::format("the path '{}' is too long for a socket", channel.path));
    std::memcpy(address.sun_path, channel.path.data(), channel.path.size());
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) refuse(std::strerror(errno));
    const auto* where = reinterpret_cast<const sockaddr*>(&address);
    if (!channel.server) {
        if (connect(fd.get(), where, sizeof address) != 0)
            refuse(fmt::format("cannot connect to '{}': {}", channel.path, std::strerror(errno)));
        return fd;
    }
    struct stat old {};
    if (lstat(channel.path.c_str(), &old) == 0 && S_ISSOCK(old.st_mode)) unlink(channel.path.c_str());
    // Only this user may give commands to the machine.
    const mode_t mask = umask(0177);
    const int bound = bind(fd.get(), where, sizeof address);
    umask(mask);
    if (bound != 0 || listen(fd.get(), 1) != 0)
        refuse(fmt::format("cannot listen on '{}': {}", channel.path, std::strerror(errno)));
    return fd;
}

UniqueFd open_tcp(const MonitorChannel& channel) {
    addrinfo hints{}, *list = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    if (channel.server) hints.ai_flags = AI_PASSIVE;
    const int error = getaddrinfo(channel.host.empty() ? nullptr : channel.host.c_str(), channel.port.c_str(),
                                  &hints, &list);
    if (error != 0) refuse(fmt::format("'{}': {}", describe(channel), gai_strerror(error)));
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, freeaddrinfo);
    int last = 0;
    for (const addrinfo* a = list; a; a = a->ai_next) {
        UniqueFd fd(socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol));
        const int yes = 1;
        if (fd) setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        const bool good =
            fd && (channel.server ? bind(fd.get(), a->ai_addr, a->ai_addrlen) == 0 && listen(fd.get(), 1) == 0
                                  : connect(fd.get(), a->ai_addr, a->ai_addrlen) == 0);
        if (good && fcntl(fd.get(), F_SETFL, O_NONBLOCK) == 0) return fd;
        last = errno;
    }
    refuse(fmt::format("cannot {} '{}': {}", channel.server ? "listen on" : "connect to", describe(channel),
                       std::strerror(last)));
}

}  // namespace

MonitorChannel parse_monitor_channel(const std::string& text) {
    using Kind = MonitorChannel::Kind;
    MonitorChannel channel;
    if (text == "stdio" || text == "mon:stdio") {
        channel.kind = Kind::stdio;
        return channel;
    }
    if (text == "none" || text == "null") {
        channel.kind = Kind::none;
        return channel;
    }
    const std::size_t colon = text.find(':');
    const std::string scheme = text.substr(0, colon);
    std::string rest = colon == std::string::npos ? "" : text.substr(colon + 1);
    if (scheme == "unix" && colon != std::string::npos) {
        channel.kind = Kind::unix_socket;
        channel.path = take_part(rest);
        if (channel.path.empty()) refuse("unix: needs a path, as unix:/tmp/monitor,server,nowait");
    } else if ((scheme == "tcp" || scheme == "telnet") && colon != std::string::npos) {
        channel.kind = Kind::tcp;
        channel.telnet = scheme == "telnet";
        const std::string where = take_part(rest);
        const std::size_t last = where.rfind(':');
        if (last == std::string::npos || last + 1 == where.size())
            refuse(fmt::format("'{}' names no port: write {}:HOST:PORT", where, scheme));
        channel.host = where.substr(0, last);
        channel.port = where.substr(last + 1);
        if (channel.host.size() > 2 && channel.host.front() == '[' && channel.host.back() == ']')
            channel.host = channel.host.substr(1, channel.host.size() - 2);  // an IPv6 address
    } else {
        refuse(fmt::format("'{}' is none of stdio, none, unix:PATH, tcp:HOST:PORT, telnet:HOST:PORT", text));
    }
    take_options(channel, rest);
    return channel;
}

UniqueFd open_monitor_socket(const MonitorChannel& channel) {
    return channel.kind == MonitorChannel::Kind::unix_socket ? open_unix(channel) : open_tcp(channel);
}

}  // namespace ringpress
