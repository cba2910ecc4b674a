// Where GDB connects: the value of -gdb, and the listening socket for it.
#pragma once

#include <string>

#include "monitor/unique_fd.hpp"

namespace ringpress {

/// What -s stands for.
inline constexpr const char* kDefaultGdbAddress = "tcp::1234";

struct GdbAddress {
    bool none = true;
    std::string host, port;  ///< TCP
    std::string path;        ///< UNIX, if not empty

    /// "tcp::PORT", "tcp:HOST:PORT", "unix:PATH", "none"; QEMU's ",server" and ",nowait" behind it say what
    /// is so anyway.  Without a host, only this machine can connect.  Throws std::runtime_error with one
    /// line.
    static GdbAddress parse(const std::string& text);
    bool operator==(const GdbAddress&) const = default;
};

/// A socket that listens; a UNIX one is gone from the file system when this object goes.
class GdbListener {
  public:
    /// Throws std::runtime_error with one line for the user.
    explicit GdbListener(const GdbAddress& address);
    ~GdbListener();
    GdbListener(const GdbListener&) = delete;
    GdbListener& operator=(const GdbListener&) = delete;

    int fd() const { return fd_.get(); }
    /// A connection that waits, or nothing.
    UniqueFd accept() const;

  private:
    void listen_tcp(const GdbAddress& address);
    void listen_unix(const std::string& path);
    UniqueFd fd_;
    std::string path_;
};

}  // namespace ringpress
