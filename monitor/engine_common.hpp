// What both engines do around a trap, in whichever process the core runs: the seccomp engine's guest process,
// or the supervisor with the ptrace engine.
#pragma once

#include <ucontext.h>

#include <atomic>

#include "monitor/arena.hpp"
#include "monitor/machine_core.hpp"
#include "monitor/trace/trap_recorder.hpp"

namespace ringpress {

inline constexpr std::uint16_t kHostCode64 = 0x33, kHostData = 0x2B;  ///< Linux' __USER_CS and __USER_DS

/// Where the guest's FPU registers are while the core has control.
class FpuHolder {
  public:
    virtual ~FpuHolder() = default;
    /// False if the guest process is gone.
    virtual bool read_fpu(FpuImage& into) = 0;
    virtual bool write_fpu(const FpuImage& from) = 0;
};

/// Runs where the engine handles a trap: no allocation, and no system calls but those of core_syscalls.S.
class CoreLoop {
  public:
    /// timer: the kernel's number of a CLOCK_MONOTONIC timer of this process, whose signal the engine answers
    /// with timer_expired() and handle_interrupt().
    CoreLoop(MachineCore& core, Arena& arena, int timer)
        : core_(core), arena_(arena), recorder_(core, arena), timer_(timer) {}
    /// Before the guest runs.
    void set_fpu(FpuHolder& fpu) { fpu_ = &fpu; }

    /// A trap of guest code; the virtual CPU holds the registers.
    void handle(const HostTrap& trap);
    /// A gate site was jumped through.
    void handle_gate(std::uint32_t site) {
        if (traced() & 1u << static_cast<unsigned>(TrapCause::gate)) [[unlikely]]
            trace_gate(site);
        else
            core_.dispatcher().handle_gate(site);
    }
    /// The timer went off, or the supervisor rang.
    void handle_interrupt() {
        if (traced()) [[unlikely]]
            recorder_.begin_event();
        core_.dispatcher().handle_interrupt();
    }
    void timer_expired() { armed_ = kNever; }

    /// Brings the guest to a point where it runs, asleep while it is halted, and at rest while a debugger has
    /// it stopped (core_stop.cpp).  False: the guest has ended and
    /// the arena says why, or leave() was called.
    bool settle();
    /// Only after settle() said true: what to resume with.  The timer is set to the devices' next deadline.
    Entry entry();

    /// Ends the guest for a reason of the engine's own; the first reason stays.
    void stop(StopReason reason, int code, const char* detail) { core_.stop(reason, code, detail); }
    /// A host selector was found in CS: `selector` shows what kind of escape it is.
    void stop_at_fence(std::uint16_t selector);
    /// A failed assertion becomes the guest's end.
    void stop_at_bug(const char* what, const char* file, int line);
    /// From any thread: settle() shall answer false soon, even if the guest is halted.
    void leave();

    VCpu& cpu() { return arena_.cpu; }
    const std::atomic<std::uint32_t>& traced_causes() const { return arena_.traced_causes; }

  private:
    std::uint32_t traced() const { return arena_.traced_causes.load(std::memory_order_relaxed); }
    void trace_gate(std::uint32_t site);
    bool bring_to_run();
    void arm_timer();
    void sleep_while_halted();
    void trap_handled() {
        if (!stop_after_trap_) [[likely]]
            return;
        stop_after_trap_ = false;
        arena_.shadow.debug.hit(StopCause::step);
    }
    /// core_stop.cpp: something wants the guest to stop.
    void attend();
    void rest();
    void take_order();

    MachineCore& core_;
    Arena& arena_;
    TrapRecorder recorder_;
    const int timer_;
    Nanoseconds armed_ = kNever;  ///< guest time the timer is set to
    std::atomic<bool> leaving_{false};
    FpuHolder* fpu_ = nullptr;
    bool stop_after_trap_ = false;  ///< RunOrder::to_trap
    bool stop_awake_ = false;       ///< a step of a halted guest: it ends when an interrupt has woken it
};

/// Tells the supervisor's event loop through the eventfd; async-signal-safe, works on both sides of the fork.
void notify_supervisor();
void set_notify_fd(int fd);

/// EFLAGS of the virtual CPU after guest code ran natively with `native`.
constexpr std::uint32_t merge_flags(std::uint32_t guest, std::uint32_t native) {
    return (guest & ~kNativeFlags) | (native & kNativeFlags);
}
/// Between the virtual CPU and a signal frame of the kernel's.  The frame has room for CS and SS only: ds,
/// es, fs and gs are the engine's business.
void load_from_frame(const ucontext_t& context, VCpu& cpu);
void store_into_frame(ucontext_t& context, const VCpu& cpu, const Entry& entry);

}  // namespace ringpress
