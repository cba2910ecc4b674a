// How a guest ended, in words: from what is left of it to the report of the run.
//
// Runs in the supervisor, after the guest process is gone.  The arena is what that process left behind, and
// it may have left anything: no value of it is believed further than it can be shown.
#pragma once

#include "monitor/arena.hpp"
#include "monitor/supervisor.hpp"

namespace ringpress {

/// The core said that it stopped, and why.  `reason` is the one read from the arena when the guest was ended;
/// a reason that does not exist is a bug of ours, or a lie.
ExitReport explain_stop(const Arena& arena, StopReason reason);

/// The guest process ended by itself; status as of waitpid(2).
ExitReport explain_death(const Arena& arena, int status);

/// All that was counted, for --stats.
Statistics counted(const Arena& arena);

}  // namespace ringpress
