// What the monitor's commands may ask of the machine, besides looking at it.  The supervisor implements it.
#pragma once

#include <functional>
#include <string>

#include "monitor/arena.hpp"
#include "monitor/guest_access.hpp"
#include "monitor/run_config.hpp"

namespace ringpress {

class MachineControl {
  public:
    virtual ~MachineControl() = default;

    virtual const RunConfig& config() const = 0;
    virtual const Arena& arena() const = 0;
    virtual GuestAccess& guest() = 0;
    /// Wall-clock seconds since the guest's first instruction.
    virtual double seconds() const = 0;

    /// False while the guest is stopped, by the monitor or by a debugger.
    virtual bool running() const = 0;
    /// Calls `look` while the guest stands at an instruction boundary with its whole state in the arena; it
    /// runs on afterwards if it ran before.
    virtual void while_stopped(const std::function<void()>& look) = 0;
    virtual void stop() = 0;
    virtual void resume() = 0;

    /// Ends the run, or starts the machine over, soon after this returns.
    virtual void quit() = 0;
    virtual void reset() = 0;
    /// Scan codes of set 1 for the keyboard.  False if its buffer has no room for all of them.
    virtual bool send_scan_codes(const std::string& bytes) = 0;
};

}  // namespace ringpress
