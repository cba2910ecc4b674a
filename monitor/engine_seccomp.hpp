// The seccomp engine: faults of guest code arrive as signals in the guest process and are handled in place.
#pragma once

#include "monitor/machine_core.hpp"

namespace ringpress {

struct EngineSetup {
    MachineCore* core = nullptr;
    Arena* arena = nullptr;
    int ram_fd = -1, view_fd = -1, notify_fd = -1;
    bool executable_ram = false;
};

/// Runs in the guest process, for good: installs the signal handlers and the fence, and enters the guest.
[[noreturn]] void run_seccomp_engine(const EngineSetup& setup);

/// Tells the supervisor through the eventfd; async-signal-safe, works on both sides of the fork.
void notify_supervisor();
void set_notify_fd(int fd);

}  // namespace ringpress
