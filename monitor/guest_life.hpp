// One life of the guest: from power-on, or from a snapshot, to its end or its next reset.
#pragma once

#include <boost/interprocess/mapped_region.hpp>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "monitor/console_io.hpp"
#include "monitor/debug/run_control.hpp"
#include "monitor/guest_access.hpp"
#include "monitor/host_space_batch.hpp"
#include "monitor/host_space_direct.hpp"
#include "monitor/machine_core.hpp"
#include "monitor/memory_file.hpp"
#include "monitor/run_resources.hpp"
#include "monitor/running_guest.hpp"
#include "monitor/service_list.hpp"
#include "monitor/supervisor.hpp"
#include "monitor/unique_fd.hpp"

namespace ringpress {

/// The memory that the supervisor and the guest process share.
struct SharedMemory {
    /// from: whose RAM becomes this guest's; else RAM is new.
    SharedMemory(std::optional<Snapshot>& from, std::uint32_t ram_bytes);

    std::span<std::uint8_t> ram_bytes() const {
        return {static_cast<std::uint8_t*>(ram.get_address()), ram.get_size() - kBehindRam};
    }
    StubData* stubs() const { return reinterpret_cast<StubData*>(ram_bytes().data() + ram_bytes().size()); }

    const MemoryFile ram_file, view_file, arena_file;
    const boost::interprocess::mapped_region ram, views, arena;
};

class GuestLife {
  public:
    /// Makes the machine, loads the kernel unless there is a snapshot to go on `from`, and starts the guest.
    /// Throws std::runtime_error with one line for the user.
    GuestLife(RunResources& run, std::optional<Snapshot> from);
    GuestLife(const GuestLife&) = delete;
    GuestLife& operator=(const GuestLife&) = delete;

    /// Serves the guest until it ends, or is to begin another life: then there is no report yet.
    std::optional<ExitReport> live();

  private:
    using Clock = RunResources::Clock;
    enum class Next : std::uint8_t { goes_on, another_life, over };

    HostSpace& host() { return batch_ ? static_cast<HostSpace&>(*batch_) : direct_; }
    std::vector<Disk> disks() const;
    void power_on();
    void keep_state_from_guest_process();
    void start();
    void wake_core();
    void wait_and_serve();
    int timeout_ms();
    Next judge();
    Next judge_wish();
    bool time_is_up() const;
    Clock::time_point time_limit() const;
    void close_outputs();
    ExitReport end();

    RunResources& run_;
    std::optional<Snapshot> from_;
    const bool stay_stopped_;  ///< the guest is to wait for a debugger or `cont`
    const SharedMemory memory_;
    Arena& arena_;
    const UniqueFd notify_;
    HostSpaceDirect direct_;
    std::optional<HostSpaceBatch> batch_;  ///< with the ptrace engine
    MachineCore core_;
    RunControl control_;
    GuestAccess access_;
    bool quit_ = false;  ///< the debugger has killed the guest
    GdbTarget debugged_;
    std::unique_ptr<RunningGuest> guest_;
    Clock::time_point began_;
    std::optional<ConsoleIo> console_;
    ServiceList services_;
    bool guest_died_ = false;
    ExitReport report_;
};

}  // namespace ringpress
