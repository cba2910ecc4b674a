// The guest process of the ptrace engine, up to its first stop.
#pragma once

#include "monitor/batch.hpp"

namespace ringpress {

/// Has the parent trace this process, installs the signal handlers and the fence, and stops at batch_started.
/// Never returns.  Throws std::runtime_error if the host refuses.
[[noreturn]] void run_traced(int ram_fd, int view_fd, bool executable_ram, BatchMemory& memory);

}  // namespace ringpress
