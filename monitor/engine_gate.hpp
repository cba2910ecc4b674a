// The gate's part of the seccomp engine: see gate.S for the way in and out.
#pragma once

#include <ucontext.h>

#include "monitor/engine_common.hpp"

namespace ringpress {

/// Lets code views have gate sites, and gives the gate its stack.  Before the fence.  `current` holds what
/// the guest was last resumed with; `end` is where the process waits once the guest has ended.
void open_gates(CoreLoop& loop, MachineCore& core, HostSelectors& current, [[noreturn]] void (*end)());

/// What a signal found in 64-bit mode means.
enum class Interrupted : std::uint8_t {
    gate,     ///< the gate was open; the signal was noted and is dealt with on the way out
    leaving,  ///< the gate asks to resume the guest through this signal frame
    other,    ///< nothing of the gate's
};
Interrupted interrupted_gate(int signal, bool asynchronous, ucontext_t& context);

}  // namespace ringpress
