// The ptrace engine: the textbook picture.  Every fault of guest code stops the guest process, the supervisor
// reads its registers, emulates on the virtual CPU, writes the registers and lets it go on.
//
// No core code runs in the guest process, and none of the virtual machine's state is mapped there: only guest
// RAM and code views below 4 GiB, and the page of batch.hpp.  It is slower than the seccomp engine by the
// stops: two context switches each, and a page fault takes two stops.
#pragma once

#include <memory>

#include "monitor/host_space_batch.hpp"
#include "monitor/running_guest.hpp"

namespace ringpress {

/// Starts a thread that forks and traces the guest process.  `batch` is the HostSpace that the core was made
/// over.  Memory that the guest process must not have is to be marked MADV_DONTFORK before.
/// Throws std::runtime_error if the host refuses.
std::unique_ptr<RunningGuest> start_ptrace_engine(const EngineSetup& setup, HostSpaceBatch& batch);

}  // namespace ringpress
