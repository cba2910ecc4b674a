#include "monitor/engine_ptrace_tracee.hpp"

#include <sys/ptrace.h>

#include <cerrno>

#include "monitor/fault_signals.hpp"
#include "shadow/check.hpp"

namespace ringpress {

bool Tracee::request(int request, void* address, void* data) {
    if (ptrace(static_cast<__ptrace_request>(request), process_.pid(), address, data) == 0) return true;
    CHECK(errno == ESRCH);  // anything else: a selector or an address that the kernel does not take
    return false;
}

bool Tracee::adopt() {
    constexpr std::uint16_t kControl = 0x37F;  // SDM Vol. 2A, FINIT
    constexpr std::uint32_t kMxcsr = 0x1F80;   // SDM Vol. 1, section 10.2.3
    user_fpregs_struct fpu{};
    fpu.cwd = kControl;
    fpu.mxcsr = kMxcsr;
    return request(PTRACE_SETOPTIONS, nullptr, reinterpret_cast<void*>(PTRACE_O_EXITKILL)) &&
           request(PTRACE_SETFPREGS, nullptr, &fpu);
}

bool Tracee::read(user_regs_struct& registers) {
    return request(PTRACE_GETREGS, nullptr, &registers);
}

bool Tracee::write(const user_regs_struct& registers) {
    return request(PTRACE_SETREGS, nullptr, const_cast<user_regs_struct*>(&registers));
}

static_assert(sizeof(FpuImage) == sizeof(user_fpregs_struct));

bool Tracee::read_fpu(FpuImage& into) {
    return request(PTRACE_GETFPREGS, nullptr, &into);
}

bool Tracee::write_fpu(const FpuImage& from) {
    return request(PTRACE_SETFPREGS, nullptr, const_cast<FpuImage*>(&from));
}

bool Tracee::resume(int signal) {
    return request(PTRACE_CONT, nullptr, reinterpret_cast<void*>(static_cast<long>(signal)));
}

int Tracee::wait(siginfo_t& why) {
    for (;;) {
        const int signal = process_.wait_for_stop();
        if (signal == 0 || signal == kDoorbell) return signal;
        int pass_on = 0;
        // Fails for a group stop (SIGSTOP was passed on), which nothing but resuming ends.
        if (ptrace(PTRACE_GETSIGINFO, process_.pid(), nullptr, &why) == 0) {
            const bool fault = is_fault_signal(signal);
            if (fault && why.si_code > 0) return signal;  // not from kill(2) and the like, see sigaction(2)
            if (!fault) pass_on = signal;
        }
        resume(pass_on);
    }
}

}  // namespace ringpress
