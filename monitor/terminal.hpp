// The user's terminal in raw mode, and its way back whatever happens.
//
// Raw mode sends every key to the guest, Ctrl-C included.  Three things restore the terminal: the destructor
// (ordinary ends and exceptions), emergency_restore() from signal handlers (crashes, stops), and, because
// nothing in this process runs after SIGKILL, a small second process that holds one end of a pipe and sees
// end of file when this process is gone: the janitor.
#pragma once

#include <sys/types.h>
#include <termios.h>

#include <string>

#include "monitor/unique_fd.hpp"

namespace ringpress {

class Terminal {
  public:
    /// Remembers the modes of the terminal on `fd` and starts the janitor; enters raw mode if this process is
    /// in the foreground or has another controlling terminal.  One object at a time.  Throws
    /// std::runtime_error if fd is no terminal.
    explicit Terminal(int fd);
    ~Terminal();
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    /// True while the terminal is in raw mode; only then may it be read.
    bool raw() const;
    /// Enters raw mode if this process is in the foreground of the terminal; after a stop and SIGCONT.
    void acquire();
    /// Bytes that the terminal needs before it is given back (leave the alternate screen, show the cursor),
    /// at most 128; sent by whoever restores it.
    void set_farewell(const std::string& bytes);

    /// Gives the terminal back.  Async-signal-safe; does nothing if there is no Terminal or it is not raw.
    static void emergency_restore();

  private:
    void start_janitor();

    UniqueFd janitor_pipe_;
    pid_t janitor_ = -1;
};

}  // namespace ringpress
