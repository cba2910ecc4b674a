// The guest process: made, fenced off from everything it does not need, watched and ended.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "monitor/unique_fd.hpp"

namespace ringpress {

class GuestProcess {
  public:
    /// Forks.  In the new process: dies with this one, keeps only the descriptors named, forgets its command
    /// line and environment, leaves the terminal's session, gives up capabilities, core dumps and, where the
    /// host allows, the namespaces it shares, then runs `body`, which must not return.  All signals but
    /// kFaultSignals are blocked there: what comes before the engine can answer waits until the engine
    /// unblocks them.  Throws std::runtime_error if the host refuses to fork.
    GuestProcess(const std::vector<int>& keep, const std::function<void()>& body);
    /// Kills it if it still lives, and waits for its end.
    ~GuestProcess();
    GuestProcess(const GuestProcess&) = delete;
    GuestProcess& operator=(const GuestProcess&) = delete;

    pid_t pid() const { return pid_; }
    /// Readable when the process has ended.
    int pidfd() const { return pidfd_.get(); }
    /// Makes a running guest look at its devices.
    void ring() const;
    void kill() const;
    /// For its tracer: waits until it stops and returns the signal that it stopped for, or 0 if it has ended.
    int wait_for_stop();
    /// Waits for its end; the status as of waitpid(2).
    int wait();

  private:
    pid_t pid_ = -1;
    UniqueFd pidfd_;
    bool reaped_ = false;
    int status_ = 0;
};

}  // namespace ringpress
