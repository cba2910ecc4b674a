// A guest that runs, whichever engine runs it: what the supervisor's event loop needs of it.
#pragma once

#include <span>

#include "monitor/machine_core.hpp"

namespace ringpress {

/// What an engine is started with.  Everything outlives the guest.
struct EngineSetup {
    MachineCore* core = nullptr;
    Arena* arena = nullptr;
    std::span<std::uint8_t> ram;  ///< guest-physical 0 and on, as the monitor sees it
    int ram_fd = -1, view_fd = -1, notify_fd = -1;
    bool executable_ram = false;  ///< --user-code direct
};

class RunningGuest {
  public:
    /// Ends the guest if it still runs.
    virtual ~RunningGuest() = default;
    /// Readable when the guest process has ended by itself.
    virtual int pidfd() const = 0;
    /// Makes a guest that executes code look at its devices.  (A halted one sleeps on the arena's doorbell.)
    virtual void ring() = 0;
    /// Ends the guest for good and waits: nothing touches its memory afterwards.  Returns the guest process's
    /// status as of waitpid(2), which tells how it died if it did so by itself.  May be called again.
    virtual int end() = 0;
};

}  // namespace ringpress
