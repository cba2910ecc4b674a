// Run control as it lies in the arena: how the supervisor has the guest stop and go on.
//
// The guest stops at an instruction boundary: the virtual CPU, the devices and RAM are then all there is of
// it, and the FPU's registers are in `fpu`.  The core sleeps meanwhile, and guest time stands still
// (but for a short look).
//
//   supervisor                              core (CoreLoop::settle())
//   DebugWatch::attention |= kStopWanted
//   rings the doorbell           ------>    stops; writes cause, address, kind, fpu
//   is woken by the eventfd      <------    stopped = 1
//   reads and changes state, points
//   order, ++orders, doorbell    ------>    takes over points and fpu; stopped = 0; runs, or steps
#pragma once

#include <atomic>
#include <cstdint>

#include "shadow/debug_points.hpp"

namespace ringpress {

/// The FPU's registers as FXSAVE stores them in 32-bit and in 64-bit mode alike, as far as the guest has
/// them: SDM Vol. 1, table 10-2.
struct FpuImage {
    alignas(16) std::uint8_t bytes[512];
};

enum class RunOrder : std::uint32_t {
    resume,
    look_over,  ///< as `resume`: somebody had a short look, and nobody wanted the guest's time to stand still
    step,       ///< one instruction; interrupts wait
    to_trap,    ///< until the next trap has been handled
};

struct RunState {
    // Written by the core.
    std::atomic<std::uint32_t> stopped;  ///< 1: the guest is at rest, and the rest of this is valid
    StopCause cause;
    Watch kind;
    std::uint32_t address;
    // The guest's clocks, which stand still meanwhile.  The supervisor may set them: another machine's state
    // goes on with that machine's time.
    std::uint64_t guest_time;  ///< nanoseconds since power-on
    std::uint64_t guest_tsc;

    // Written by the supervisor, while the guest is stopped.
    std::atomic<std::uint32_t> orders;  ///< how many have been given; the guest goes on when it changes
    RunOrder order;
    std::uint32_t state_replaced;  ///< RAM was changed, or more than general registers, EIP and EFLAGS
    std::uint32_t fpu_changed;
    DebugPoints points;  ///< wanted from the next order on

    FpuImage fpu;
};

}  // namespace ringpress
