// Signals that the user and the host send to the supervisor.
//
// A terminating signal asks for an orderly end: it is noted and makes a descriptor readable, so that the
// event loop sees it.  A second one a second later, or a crash, ends the process at once, but with the
// terminal restored.
#pragma once

#include <signal.h>

#include <vector>

#include "monitor/unique_fd.hpp"

namespace ringpress {

class HostSignals {
  public:
    /// Installs handlers for SIGINT, SIGTERM, SIGHUP, SIGQUIT (unless they were ignored, see nohup(1)),
    /// SIGTSTP, SIGCONT and the crash signals, and ignores SIGPIPE.  One object at a time.
    HostSignals();
    /// Puts back what was there before.
    ~HostSignals();
    HostSignals(const HostSignals&) = delete;
    HostSignals& operator=(const HostSignals&) = delete;

    /// Readable after a signal, until clear().
    int fd() const { return read_end_.get(); }
    void clear();
    /// The terminating signal that came first, or 0.
    int requested() const;
    /// True once after the process was stopped and continued.
    bool take_continued();

  private:
    void install(int number, void (*handler)(int, siginfo_t*, void*));

    struct Old {
        int number;
        struct sigaction action;
    };
    std::vector<Old> old_;
    UniqueFd read_end_, write_end_;
};

}  // namespace ringpress
