// Where -monitor puts the human monitor: stdio, none, or a socket.
#pragma once

#include <cstdint>
#include <string>

#include "monitor/unique_fd.hpp"

namespace ringpress {

struct MonitorChannel {
    enum class Kind : std::uint8_t {
        console,  ///< not said: behind Ctrl-A c of the guest's terminal
        none,
        stdio,
        unix_socket,
        tcp,
    } kind = Kind::console;
    std::string host, port;  ///< tcp; an empty host: every address to listen on, this host to connect to
    std::string path;        ///< unix
    bool telnet = false;     ///< tcp, with telnet's line discipline
    bool server = false;     ///< listen rather than connect
    bool wait = true;        ///< server: the guest starts when somebody has connected

    bool is_socket() const { return kind == Kind::unix_socket || kind == Kind::tcp; }
};

/// stdio | none | null | unix:PATH[,OPTIONS] | tcp:[HOST]:PORT[,OPTIONS] | telnet:..., with QEMU's options
/// server[=on|off], nowait, wait[=on|off]; nodelay is accepted.  Throws std::runtime_error with one line.
MonitorChannel parse_monitor_channel(const std::string& text);

/// A listening or a connected socket, non-blocking, as the channel says.  A file that a listener of the same
/// path has left behind is replaced.  Throws std::runtime_error with one line.
UniqueFd open_monitor_socket(const MonitorChannel& channel);

}  // namespace ringpress
