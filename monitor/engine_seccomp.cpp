#include "monitor/engine_seccomp.hpp"

#include <asm/prctl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include "monitor/core_syscalls.hpp"
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

constexpr std::uint16_t kHostCode64 = 0x33;  // Linux' __USER_CS
constexpr int kTimerSignal = SIGALRM, kDoorbellSignal = SIGUSR1;

int notify_fd = -1;

struct Engine {
    MachineCore* core;
    Arena* arena;
    HostSelectors selectors;
    bool started;
    timer_t timer;
    Nanoseconds armed;  ///< guest time the timer is set to, or kNever
} engine;

/// The order of general registers in the signal frame, by Gpr.
constexpr int kFrameRegister[8] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI};

[[noreturn]] void wait_for_the_end() {
    notify_supervisor();
    for (;;) core_futex(&engine.arena->doorbell, FUTEX_WAIT, engine.arena->doorbell.load(), nullptr);
}

[[noreturn]] void end(StopReason reason, int code, const char* detail) {
    engine.core->stop(reason, code, detail);
    wait_for_the_end();
}

void bug(const char* what, const char* file, int line) {
    char text[200];
    const char* name = std::strrchr(file, '/');
    std::snprintf(text, sizeof text, "%s (%s:%d)", what, name ? name + 1 : file, line);
    end(StopReason::bug, 0, text);
}

void load_guest_registers(const ucontext_t& context) {
    VCpu& cpu = engine.arena->cpu;
    const auto& regs = context.uc_mcontext.gregs;
    for (unsigned i = 0; i < 8; ++i) cpu.gpr[i] = static_cast<std::uint32_t>(regs[kFrameRegister[i]]);
    cpu.eip = static_cast<std::uint32_t>(regs[REG_RIP]);
    cpu.eflags = (cpu.eflags & ~kNativeFlags) | (static_cast<std::uint32_t>(regs[REG_EFL]) & kNativeFlags);
}

void store_guest_registers(ucontext_t& context, const Entry& entry) {
    const VCpu& cpu = engine.arena->cpu;
    auto& regs = context.uc_mcontext.gregs;
    for (unsigned i = 0; i < 8; ++i) regs[kFrameRegister[i]] = cpu.gpr[i];
    regs[REG_RIP] = cpu.eip;
    regs[REG_EFL] = entry.eflags;
    regs[REG_CSGSFS] = entry.selectors[Seg::cs] | static_cast<long long>(entry.selectors[Seg::ss]) << 48;
}

/// Sets the timer to the devices' next deadline.  One that is due earlier may stay: it finds nothing to do.
void arm_timer() {
    const Nanoseconds deadline = engine.core->bus().next_deadline();
    if (deadline >= engine.armed) return;
    engine.armed = deadline;
    const Nanoseconds now = engine.core->now();
    const Nanoseconds wait = deadline > now ? deadline - now : 1;
    itimerspec spec{};
    spec.it_value.tv_sec = static_cast<time_t>(wait / 1'000'000'000u);
    spec.it_value.tv_nsec = static_cast<long>(wait % 1'000'000'000u);
    CHECK(core_timer_settime(reinterpret_cast<long>(engine.timer), 0, &spec, nullptr) == 0);
}

/// Sleeps until a device has something to do or the supervisor rings.
void sleep_while_halted() {
    Arena& arena = *engine.arena;
    DeviceBus& bus = engine.core->bus();
    const std::uint32_t rung = arena.doorbell.load();
    bus.advance(engine.core->now());
    if (bus.interrupt_pending()) return;
    const Nanoseconds deadline = bus.next_deadline(), now = engine.core->now();
    if (deadline <= now) return;
    timespec wait{};
    if (deadline != kNever) {
        wait.tv_sec = static_cast<time_t>((deadline - now) / 1'000'000'000u);
        wait.tv_nsec = static_cast<long>((deadline - now) % 1'000'000'000u);
    }
    arena.asleep.store(1);
    core_futex(&arena.doorbell, FUTEX_WAIT, rung, deadline == kNever ? nullptr : &wait);
    arena.asleep.store(0);
    bus.advance(engine.core->now());
}

/// Brings the guest to a point where it runs.
void settle() {
    VCpu& cpu = engine.arena->cpu;
    for (;;) {
        engine.core->dispatcher().settle();
        if (engine.core->stopped()) wait_for_the_end();
        if (cpu.activity == Activity::running) return;
        if (cpu.activity == Activity::shutdown) end(StopReason::shutdown, 0, "triple fault");
        if (!cpu.interrupts_enabled()) end(StopReason::dead_halt, 0, "");
        ++engine.arena->statistics.halts;
        sleep_while_halted();
    }
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
    for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, kTimerSignal, kDoorbellSignal})
        set_handler(signal);
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = kTimerSignal;
    // The raw call: the kernel's timer number is what the filter's call passes on.
    int id = 0;
    if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id) != 0) throw std::runtime_error("no timer to be had");
    engine.timer = reinterpret_cast<timer_t>(static_cast<long>(id));
    engine.armed = kNever;
}

}  // namespace

void set_notify_fd(int fd) { notify_fd = fd; }

void notify_supervisor() {
    const std::uint64_t one = 1;
    core_write(notify_fd, &one, sizeof one);
}

void run_seccomp_engine(const EngineSetup& setup) {
    engine = {};
    engine.core = setup.core;
    engine.arena = setup.arena;
    install_handlers();
    set_bug_handler(bug);
    if (syscall(SYS_arch_prctl, ARCH_GET_FS, &engine_host_fs_base) != 0) throw std::runtime_error("no FS base");
    install_fence({setup.ram_fd, setup.view_fd, setup.notify_fd, &setup.arena->doorbell, setup.executable_ram});
    engine_start();
}

}  // namespace ringpress

using namespace ringpress;

const HostSelectors* engine_signal(int signal, siginfo_t*, ucontext_t* context) {
    auto& regs = context->uc_mcontext.gregs;
    Dispatcher& dispatcher = engine.core->dispatcher();
    VCpu& cpu = engine.arena->cpu;
    if (!engine.started) {
        engine.started = true;
        engine.core->start_clock();
        for (int i = REG_R8; i <= REG_R15; ++i) regs[i] = 0;
    } else {
        const auto code = static_cast<std::uint16_t>(regs[REG_CSGSFS]);
        if (code != engine.selectors[Seg::cs])
            end(StopReason::fence, code,
                code == kHostCode64 ? "guest code reached a 64-bit code segment" : "guest code loaded a host selector");
        load_guest_registers(*context);
        if (signal == kTimerSignal || signal == kDoorbellSignal) {
            if (signal == kTimerSignal) engine.armed = kNever;
            dispatcher.handle_interrupt();
        } else {
            const HostTrap trap{signal == SIGSYS ? kHostSystemCall : static_cast<std::uint8_t>(regs[REG_TRAPNO]),
                                static_cast<std::uint32_t>(regs[REG_ERR]), static_cast<std::uint32_t>(regs[REG_CR2])};
            const std::uint32_t eip = cpu.eip;
            const std::uint8_t cpl = cpu.cpl;
            dispatcher.handle(trap);
            engine.core->record(trap, eip, cpl);
        }
    }
    settle();
    const Entry entry = dispatcher.entry();
    engine.selectors = entry.selectors;
    store_guest_registers(*context, entry);
    arm_timer();
    return &engine.selectors;
}
