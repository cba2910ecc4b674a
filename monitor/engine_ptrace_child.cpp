#include "monitor/engine_ptrace_child.hpp"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

#include "monitor/core_syscalls.hpp"
#include "monitor/seccomp_filter.hpp"

namespace ringpress {

namespace {

[[noreturn]] void refuse(const char* what) {
    throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

void set_handler(int signal) {
    struct {
        void (*handler)();
        unsigned long flags;
        void (*restorer)();
        std::uint64_t mask;
    } action{};
    constexpr unsigned long kRestorer = 0x04000000;
    action.handler = batch_signal;
    // SIGTRAP, the handler's own int3, must not be blocked: the kernel would take that for a fatal accident.
    // The doorbell is, so that it cannot stop the process between here and the guest, with neither's
    // registers.
    action.flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | kRestorer;
    action.restorer = core_rt_sigreturn;
    action.mask = std::uint64_t{1} << (SIGUSR1 - 1);
    if (syscall(SYS_rt_sigaction, signal, &action, nullptr, 8) != 0) refuse("cannot handle a signal");
}

}  // namespace

// Before a call that does not return AddressSanitizer would ask the kernel where the stack is.
[[gnu::no_sanitize_address]] void run_traced(int ram_fd, int view_fd, bool executable_ram,
                                             BatchMemory& memory) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) refuse("the host forbids ptrace");
    stack_t stack{};
    stack.ss_sp = memory.signal_stack;
    stack.ss_size = sizeof memory.signal_stack;
    if (sigaltstack(&stack, nullptr) != 0) refuse("no signal stack");
    for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP}) set_handler(signal);
    // From here a doorbell stops the process, for its tracer to see, instead of killing it.
    sigset_t none;
    sigemptyset(&none);
    if (sigprocmask(SIG_SETMASK, &none, nullptr) != 0) refuse("cannot unblock signals");
    // No doorbell to sleep on and nobody to notify: the supervisor does both.
    install_fence({ram_fd, view_fd, -1, nullptr, executable_ram});
    batch_start();
}

}  // namespace ringpress
