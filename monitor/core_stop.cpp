// The core at rest: where the guest stops for a debugger or a monitor command, and how it goes on.
//
// Runs where settle() runs: in a signal handler or behind a gate of the guest process, or on the tracing
// thread.  The virtual CPU is complete there, and signals are blocked or deferred.
#include <linux/futex.h>

#include "monitor/core_syscalls.hpp"
#include "monitor/engine_common.hpp"

namespace ringpress {

void CoreLoop::attend() {
    const VCpu& cpu = arena_.cpu;
    while (arena_.shadow.debug.wanted() && !leaving_.load() && !core_.stopped() &&
           cpu.activity != Activity::shutdown) {
        if (recorder_.open()) recorder_.finish();  // what happens while at rest is no part of a trap
        rest();
        if (leaving_.load()) return;
        if (traced()) recorder_.begin_event();
        take_order();
    }
}

/// Tells the supervisor that the guest has stopped and why, and sleeps until an order comes.
void CoreLoop::rest() {
    RunState& run = arena_.run;
    DebugWatch& debug = arena_.shadow.debug;
    core_.pause_clock();
    const std::uint32_t before = run.orders.load();
    const std::uint32_t why = std::atomic_ref(debug.attention).exchange(0);
    const bool hit = why & DebugWatch::kHit;
    stop_awake_ = false;
    core_.dispatcher().abandon_instruction();
    core_.dispatcher().settle_shadow();
    core_.dispatcher().send_frames_home();
    run.cause = hit ? debug.cause : StopCause::request;
    run.address = hit ? debug.address : 0;
    run.kind = debug.kind;
    if (fpu_ && !fpu_->read_fpu(run.fpu)) run.fpu = {};
    run.stopped.store(1);
    notify_supervisor();

    arena_.asleep.store(1);
    for (;;) {
        const std::uint32_t rung = arena_.doorbell.load();
        if (run.orders.load() != before || leaving_.load()) break;
        core_futex(&arena_.doorbell, FUTEX_WAIT, rung, nullptr);
    }
    arena_.asleep.store(0);
    run.stopped.store(0);
    if (run.order != RunOrder::look_over || !core_.ignore_pause()) core_.resume_clock();
}

void CoreLoop::take_order() {
    RunState& run = arena_.run;
    Dispatcher& dispatcher = core_.dispatcher();
    if (run.fpu_changed && fpu_) fpu_->write_fpu(run.fpu);
    if (run.state_replaced) dispatcher.state_replaced();
    run.fpu_changed = run.state_replaced = 0;
    dispatcher.set_points(run.points);
    dispatcher.adopt_shadow();
    stop_after_trap_ = run.order == RunOrder::to_trap;
    if (run.order == RunOrder::step) {
        if (arena_.cpu.activity == Activity::halted)
            stop_awake_ = true;
        else if (dispatcher.single_instruction(true))
            arena_.shadow.debug.hit(StopCause::step);
    } else if (arena_.cpu.activity == Activity::running && dispatcher.at_breakpoint()) {
        dispatcher.single_instruction(false);  // it has been told about this one
    }
}

}  // namespace ringpress
