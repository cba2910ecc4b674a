#include "monitor/engine_common.hpp"

#include <linux/futex.h>
#include <time.h>

#include <cstdio>
#include <cstring>

#include "monitor/core_syscalls.hpp"
#include "shadow/check.hpp"

namespace ringpress {

namespace {

int notify_fd = -1;

/// The order of general registers in the signal frame, by Gpr.
constexpr int kFrameRegister[8] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI};

timespec to_timespec(Nanoseconds t) {
    return {static_cast<time_t>(t / 1'000'000'000u), static_cast<long>(t % 1'000'000'000u)};
}

}  // namespace

void set_notify_fd(int fd) {
    notify_fd = fd;
}

void notify_supervisor() {
    const std::uint64_t one = 1;
    core_write(notify_fd, &one, sizeof one);
}

void load_from_frame(const ucontext_t& context, VCpu& cpu) {
    const auto& regs = context.uc_mcontext.gregs;
    for (unsigned i = 0; i < 8; ++i) cpu.gpr[i] = static_cast<std::uint32_t>(regs[kFrameRegister[i]]);
    cpu.eip = static_cast<std::uint32_t>(regs[REG_RIP]);
    cpu.eflags = merge_flags(cpu.eflags, static_cast<std::uint32_t>(regs[REG_EFL]));
}

void store_into_frame(ucontext_t& context, const VCpu& cpu, const Entry& entry) {
    auto& regs = context.uc_mcontext.gregs;
    for (unsigned i = 0; i < 8; ++i) regs[kFrameRegister[i]] = cpu.gpr[i];
    regs[REG_RIP] = cpu.eip;
    regs[REG_EFL] = entry.eflags;
    regs[REG_CSGSFS] = entry.selectors[Seg::cs] | static_cast<long long>(entry.selectors[Seg::ss]) << 48;
}

void CoreLoop::handle(const HostTrap& trap) {
    const std::uint32_t eip = arena_.cpu.eip;
    const std::uint8_t cpl = arena_.cpu.cpl;
    if (traced()) [[unlikely]]
        recorder_.begin(trap);
    core_.dispatcher().handle(trap);
    core_.record(trap, eip, cpl);
    trap_handled();
}

void CoreLoop::trace_gate(std::uint32_t site) {
    const VCpu& cpu = arena_.cpu;
    const gva address = core_.site_address(site);
    const std::uint32_t eip = address.value - cpu.segment(Seg::cs).base;
    const std::uint8_t cpl = cpu.cpl;
    recorder_.begin_gate(address);
    core_.dispatcher().handle_gate(site);
    core_.record({.address = address.value}, eip, cpl);
}

/// One that is due earlier may stay: it finds nothing to do.
void CoreLoop::arm_timer() {
    const Nanoseconds deadline = core_.bus().next_deadline();
    if (deadline >= armed_) return;
    armed_ = deadline;
    const Nanoseconds now = core_.now();
    itimerspec spec{};
    spec.it_value = to_timespec(deadline > now ? deadline - now : 1);
    CHECK(core_timer_settime(timer_, 0, &spec, nullptr) == 0);
}

/// Sleeps until a device has something to do or the supervisor rings.
void CoreLoop::sleep_while_halted() {
    DeviceBus& bus = core_.bus();
    const std::uint32_t rung = arena_.doorbell.load();
    if (leaving_.load() || arena_.shadow.debug.wanted()) return;
    bus.advance(core_.now());
    if (bus.interrupt_pending()) return;
    const Nanoseconds deadline = bus.next_deadline(), now = core_.now();
    if (deadline <= now) return;
    const timespec wait = to_timespec(deadline - now);
    arena_.asleep.store(1);
    core_futex(&arena_.doorbell, FUTEX_WAIT, rung, deadline == kNever ? nullptr : &wait);
    arena_.asleep.store(0);
    bus.advance(core_.now());
}

bool CoreLoop::settle() {
    const bool runs = bring_to_run();
    if (!runs && recorder_.open()) recorder_.finish();
    return runs;
}

bool CoreLoop::bring_to_run() {
    const VCpu& cpu = arena_.cpu;
    while (!leaving_.load(std::memory_order_relaxed)) {
        if (arena_.shadow.debug.wanted()) [[unlikely]] {
            if (recorder_.open()) recorder_.finish();  // nor is being stopped
            attend();
        }
        core_.dispatcher().settle();
        if (core_.stopped()) return false;
        if (stop_awake_ && cpu.activity == Activity::running) [[unlikely]] {
            stop_awake_ = false;
            arena_.shadow.debug.hit(StopCause::step);
        }
        if (arena_.shadow.debug.wanted()) [[unlikely]]
            continue;
        if (cpu.activity == Activity::running) return true;
        if (cpu.activity == Activity::shutdown) {
            stop(StopReason::shutdown, 0, "triple fault");
            return false;
        }
        if (!cpu.interrupts_enabled()) {
            stop(StopReason::dead_halt, 0, "");
            return false;
        }
        ++arena_.statistics.halts;
        if (recorder_.open()) recorder_.finish();  // sleeping is not handling
        sleep_while_halted();
        if (traced()) [[unlikely]]
            recorder_.begin_event();
    }
    return false;
}

Entry CoreLoop::entry() {
    const Entry entry = core_.dispatcher().entry();
    arm_timer();
    if (recorder_.open()) [[unlikely]]
        recorder_.finish();
    return entry;
}

void CoreLoop::stop_at_fence(std::uint16_t selector) {
    stop(StopReason::fence, selector,
         selector == kHostCode64 ? "guest code reached a 64-bit code segment"
                                 : "guest code loaded a host selector");
}

void CoreLoop::stop_at_bug(const char* what, const char* file, int line) {
    char text[200];
    const char* name = std::strrchr(file, '/');
    std::snprintf(text, sizeof text, "%s (%s:%d)", what, name ? name + 1 : file, line);
    stop(StopReason::bug, 0, text);
}

void CoreLoop::leave() {
    leaving_.store(true);
    arena_.doorbell.fetch_add(1);
    core_futex(&arena_.doorbell, FUTEX_WAKE, 1, nullptr);
}

}  // namespace ringpress
