// The core's side of the trace ring: notes the virtual CPU when a trap comes in, and again when the guest is
// about to go on.
//
// A record is filled in place and becomes visible at its end.  Its time is that of the handler: the clock is
// started after the state before was noted and stopped before the state after is.
#pragma once

#include "monitor/arena.hpp"
#include "traps/host_trap.hpp"

namespace ringpress {

class MachineCore;

/// Runs where the engine handles a trap: no allocation, no system calls but reading the clock.
class TrapRecorder {
  public:
    TrapRecorder(MachineCore& core, Arena& arena) : core_(core), arena_(arena) {}

    /// A trap is about to be handled.  A record that is still open is finished first.
    void begin(const HostTrap& trap);
    /// A gate at linear address `site` is about to be handled.
    void begin_gate(gva site);
    /// The guest was interrupted by the timer or the doorbell, or wakes up.
    void begin_event();
    bool open() const { return open_; }
    /// The guest is about to go on, to sleep or to end.  Only while open().
    void finish();

  private:
    void note_before(const HostTrap& trap, std::uint32_t eip);

    MachineCore& core_;
    Arena& arena_;
    bool open_ = false;
    bool event_ = false;
};

}  // namespace ringpress
