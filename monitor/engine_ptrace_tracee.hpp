// ptrace(2) on the guest process.  All calls must come from the thread that forked it.
//
// A traced process can be killed at any moment, stopped or not; every call then fails, and says so with its
// result: the caller gives up and lets wait() find the end.
#pragma once

#include <signal.h>
#include <sys/user.h>

#include "monitor/debug/run_state.hpp"
#include "monitor/guest_process.hpp"

namespace ringpress {

class Tracee {
  public:
    static constexpr int kDoorbell = SIGUSR1;

    explicit Tracee(GuestProcess& process) : process_(process) {}

    /// Once, at the first stop: should the tracing thread die, so does the process; the FPU as after FNINIT.
    bool adopt();
    bool read(user_regs_struct& registers);
    bool write(const user_regs_struct& registers);
    /// The FPU's registers, of a process that is not in its signal handler.
    bool read_fpu(FpuImage& into);
    bool write_fpu(const FpuImage& from);
    /// Runs it until its next stop; `signal` is delivered to it.
    bool resume(int signal = 0);
    /// Waits for a stop that the process caused itself (`why` tells) or the doorbell did, and returns its
    /// signal; 0 if the process has ended.  Signals that others sent do what they would do to any process.
    int wait(siginfo_t& why);

  private:
    bool request(int request, void* address, void* data);
    GuestProcess& process_;
};

}  // namespace ringpress
