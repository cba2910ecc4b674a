// The seccomp engine: faults of guest code arrive as signals in the guest process and are handled in place.
#pragma once

#include <memory>

#include "monitor/running_guest.hpp"

namespace ringpress {

/// Forks the guest process and lets the guest run in it.  Throws std::runtime_error if the host refuses.
std::unique_ptr<RunningGuest> start_seccomp_engine(const EngineSetup& setup);

}  // namespace ringpress
