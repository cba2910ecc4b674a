// What the monitor's commands may ask of the machine, besides looking at it.  The supervisor implements it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "monitor/arena.hpp"
#include "monitor/guest_access.hpp"
#include "monitor/run_config.hpp"

namespace ringpress {

class MachineControl {
  public:
    virtual ~MachineControl() = default;

    virtual const RunConfig& config() const = 0;
    virtual const Arena& arena() const = 0;
    virtual int arena_fd() const = 0;  ///< the memory file behind it
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
    /// Writes the machine to a file; replaces the machine by one from a file soon after this returns.  Both
    /// throw std::runtime_error with one line, and the machine is as it was.
    virtual void save(const std::string& path) = 0;
    virtual void load(const std::string& path) = 0;
    /// Only within while_stopped(): what an `in` or `out` of the guest's would do.  width is 1, 2 or 4.
    virtual std::uint32_t port_in(std::uint16_t port, unsigned width) = 0;
    virtual void port_out(std::uint16_t port, unsigned width, std::uint32_t value) = 0;
    /// Only within while_stopped(): the button that asks for a non-maskable interrupt.  False if the guest
    /// has its interrupt controller keep it from the processor.
    virtual bool press_nmi() = 0;
    /// Only while stopped: one instruction, or on to the next trap, and stopped again.  Throws
    /// std::runtime_error if no trap comes for some seconds: then the guest runs.
    virtual void step(bool to_trap) = 0;
    /// A kernel symbol for an address, "name+0x12", or nothing.
    virtual std::string name_of(std::uint32_t address) = 0;
    /// Scan codes of set 1 for the keyboard.  False if its buffer has no room for all of them.
    virtual bool send_scan_codes(const std::string& bytes) = 0;
    /// What the log and the trace get from here on: names of log_items(), or none.  Throws
    /// std::runtime_error with one line if there is nowhere to log to.
    virtual void log(const std::vector<std::string>& items) = 0;
    /// Where a debugger may connect from here on, as -gdb has it; "none" also sends away the one that is
    /// connected.  Throws std::runtime_error with one line, and all is as it was.
    virtual void listen_for_gdb(const std::string& address) = 0;
};

}  // namespace ringpress
