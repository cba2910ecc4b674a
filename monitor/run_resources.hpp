// What a run has from its beginning to its end, over all the lives of its guest: its files, disks, ports and
// monitors, and what is left of its time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "monitor/boot/boot_state.hpp"
#include "monitor/control/control_server.hpp"
#include "monitor/control/live_machine.hpp"
#include "monitor/control/monitor_socket.hpp"
#include "monitor/control/monitor_terminal.hpp"
#include "monitor/debug/gdb_server.hpp"
#include "monitor/drive_image.hpp"
#include "monitor/machine_core.hpp"
#include "monitor/run_config.hpp"
#include "monitor/snapshot/snapshot.hpp"
#include "monitor/symbols/guest_symbols.hpp"
#include "monitor/trace/trap_stream.hpp"
#include "monitor/vm_directory.hpp"

namespace ringpress {

struct RunResources {
    using Clock = std::chrono::steady_clock;

    /// Opens everything that the configuration names.  Throws std::runtime_error with one line for the user.
    explicit RunResources(const RunConfig& c);
    RunResources(const RunResources&) = delete;
    RunResources& operator=(const RunResources&) = delete;

    /// Puts the kernel and its modules into guest RAM.  Throws as above.
    BootState load(std::span<std::byte> ram) const;
    /// Whether a guest that resets begins anew.  One that came from a snapshot may have no kernel to load.
    bool can_start_over() const { return !config.no_reboot && !kernel.empty(); }
    bool limited() const { return deadline != Clock::time_point::max(); }

    RunConfig config;
    std::optional<VmName> name;
    struct LoadedFile {
        std::vector<std::uint8_t> bytes;
        std::string arguments;
    };
    std::vector<std::uint8_t> kernel;
    std::vector<LoadedFile> modules;
    std::vector<DriveImage> drives;
    HostLimits limits;
    Clock::time_point deadline =
        Clock::time_point::max();  ///< of --time-limit, if the guest is never stopped
    bool first_life = true;
    std::optional<Snapshot> next;  ///< what the next life begins with; none: power-on
    GdbServer gdb;
    TrapStream traps;
    SymbolsOnDemand symbols{config};
    LiveMachine machine{config, symbols};
    HumanMonitor debugger_monitor{machine};
    std::optional<ControlServer> control_server;
    std::optional<MonitorSocket> monitor_socket;
    std::optional<MonitorTerminal> monitor_terminal;

  private:
    void open_monitors();
};

}  // namespace ringpress
