#include "monitor/engine_seccomp.hpp"

#include <asm/prctl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>
#include <stdexcept>

#include "monitor/core_syscalls.hpp"
#include "monitor/engine_common.hpp"
#include "monitor/engine_gate.hpp"
#include "monitor/fault_signals.hpp"
#include "monitor/gate.hpp"
#include "monitor/guest_process.hpp"
#include "monitor/seccomp_filter.hpp"
#include "shadow/check.hpp"

extern "C" {
std::uint64_t engine_host_fs_base = 0;
void engine_entry();
[[noreturn]] void engine_start();
const ringpress::HostSelectors* engine_signal(int signal, siginfo_t* info, ucontext_t* context);
}

namespace ringpress {

namespace {

constexpr int kTimerSignal = SIGALRM, kDoorbellSignal = SIGUSR1;

/// The FPU is in the signal frame or, behind a gate, where gate.S has put it.
class HandlerFpu final : public FpuHolder {
  public:
    void set_frame(ucontext_t* frame) { frame_ = frame; }
    bool read_fpu(FpuImage& into) override {
        std::memcpy(into.bytes, place(), sizeof into.bytes);
        return true;
    }
    bool write_fpu(const FpuImage& from) override {
        std::memcpy(place(), from.bytes, sizeof from.bytes);
        return true;
    }

  private:
    void* place() const { return gate_open ? gate_fpu : static_cast<void*>(frame_->uc_mcontext.fpregs); }
    ucontext_t* frame_ = nullptr;
};

struct Engine {
    HandlerFpu fpu;
    std::optional<CoreLoop> loop;
    const std::atomic<std::uint32_t>* doorbell;
    HostSelectors selectors;  ///< what the guest was last resumed with
    bool started;
} engine;

[[noreturn]] void wait_for_the_end() {
    notify_supervisor();
    for (;;) core_futex(engine.doorbell, FUTEX_WAIT, engine.doorbell->load(), nullptr);
}

void bug(const char* what, const char* file, int line) {
    engine.loop->stop_at_bug(what, file, line);
    wait_for_the_end();
}

void set_handler(int signal) {
    struct {
        void (*handler)();
        unsigned long flags;
        void (*restorer)();
        std::uint64_t mask;
    } action{};
    constexpr unsigned long kRestorer = 0x04000000;
    action.handler = engine_entry;
    action.flags = SA_SIGINFO | SA_ONSTACK | kRestorer;
    action.restorer = core_rt_sigreturn;
    action.mask = ~std::uint64_t{0};
    if (syscall(SYS_rt_sigaction, signal, &action, nullptr, 8) != 0)
        throw std::runtime_error(std::string("cannot handle a signal: ") + std::strerror(errno));
}

void install_handlers() {
    constexpr std::size_t kStackBytes = 256 << 10;
    void* memory = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("no memory for the signal stack");
    stack_t stack{};
    stack.ss_sp = memory;
    stack.ss_size = kStackBytes;
    if (sigaltstack(&stack, nullptr) != 0) throw std::runtime_error("no signal stack");
    for (const int signal : kFaultSignals) set_handler(signal);
    for (const int signal : {kTimerSignal, kDoorbellSignal}) set_handler(signal);
}

int create_timer() {
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = kTimerSignal;
    // The raw call: the kernel's timer number is what the filter's call passes on.
    int id = 0;
    if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id) != 0)
        throw std::runtime_error("no timer to be had");
    return id;
}

/// Signals have been blocked since the fork: answered before engine_start()'s trap, one would be taken for
/// it, and the guest would run without the fence.  The frame's mask is what the guest runs with; the kernel's
/// has one word, ucontext_t's has room for more.
void release_signals(ucontext_t& context) {
    constexpr std::size_t kKernelMaskBytes = 8;
    std::memset(&context.uc_sigmask, 0, kKernelMaskBytes);
}

/// Runs in the guest process, for good.
[[noreturn]] void run(const EngineSetup& setup) {
    engine.doorbell = &setup.arena->doorbell;
    install_handlers();
    engine.loop.emplace(*setup.core, *setup.arena, create_timer());
    engine.loop->set_fpu(engine.fpu);
    set_bug_handler(bug);
    open_gates(*engine.loop, *setup.core, engine.selectors, wait_for_the_end);
    if (syscall(SYS_arch_prctl, ARCH_GET_FS, &engine_host_fs_base) != 0)
        throw std::runtime_error("no FS base");
    install_fence({setup.ram_fd, setup.view_fd, setup.notify_fd, &setup.arena->doorbell, setup.executable_ram,
                   setup.ram});
    setup.core->start_clock();
    engine_start();
}

/// The supervisor's side: the guest process does everything by itself.
class SeccompGuest final : public RunningGuest {
  public:
    explicit SeccompGuest(const EngineSetup& setup)
        : process_({setup.ram_fd, setup.view_fd, setup.notify_fd}, [&] { run(setup); }) {}
    int pidfd() const override { return process_.pidfd(); }
    void ring() override { process_.ring(); }
    int end() override {
        process_.kill();
        return process_.wait();
    }

  private:
    GuestProcess process_;
};

}  // namespace

std::unique_ptr<RunningGuest> start_seccomp_engine(const EngineSetup& setup) {
    return std::make_unique<SeccompGuest>(setup);
}

}  // namespace ringpress

using namespace ringpress;

const HostSelectors* engine_signal(int signal, siginfo_t*, ucontext_t* context) {
    auto& regs = context->uc_mcontext.gregs;
    CoreLoop& loop = *engine.loop;
    engine.fpu.set_frame(context);
    if (!engine.started) {
        engine.started = true;
        release_signals(*context);
        for (int i = REG_R8; i <= REG_R15; ++i) regs[i] = 0;
        // Addresses of this process, and whatever else the monitor has left there.
        std::memset(context->uc_mcontext.fpregs->_xmm, 0, sizeof context->uc_mcontext.fpregs->_xmm);
        context->uc_mcontext.fpregs->mxcsr = 0x1F80;  // as after reset, SDM Vol. 1, section 11.6.4
    } else {
        const auto code = static_cast<std::uint16_t>(regs[REG_CSGSFS]);
        const bool asynchronous = signal == kTimerSignal || signal == kDoorbellSignal;
        const Interrupted interrupted =
            code == kHostCode64 ? interrupted_gate(signal, asynchronous, *context) : Interrupted::other;
        if (interrupted == Interrupted::gate) return nullptr;
        if (interrupted == Interrupted::leaving) {
            store_into_frame(*context, loop.cpu(), loop.entry());
            return &engine.selectors;
        }
        if (code != engine.selectors[Seg::cs]) {
            loop.stop_at_fence(code);
            wait_for_the_end();
        }
        load_from_frame(*context, loop.cpu());
        if (asynchronous) {
            if (signal == kTimerSignal) loop.timer_expired();
            loop.handle_interrupt();
        } else {
            loop.handle({signal == SIGSYS ? kHostSystemCall : static_cast<std::uint8_t>(regs[REG_TRAPNO]),
                         static_cast<std::uint32_t>(regs[REG_ERR]),
                         static_cast<std::uint32_t>(regs[REG_CR2])});
        }
    }
    if (!loop.settle()) wait_for_the_end();
    const Entry entry = loop.entry();
    engine.selectors = entry.selectors;
    store_into_frame(*context, loop.cpu(), entry);
    return &engine.selectors;
}
