// A whole virtual machine's core: the objects around the arena that turn a host trap into its effect.
//
// Made once, before the guest process is forked, so that everything is allocated already.  With the seccomp
// engine the copy in the guest process does the work, with the ptrace engine the supervisor's.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "monitor/arena.hpp"
#include "monitor/devices/pc.hpp"
#include "monitor/run_config.hpp"
#include "traps/cpuid_model.hpp"
#include "traps/dispatch.hpp"

namespace ringpress {

/// What the core is built over; all of it mapped at the same addresses in both processes.
struct CoreMemory {
    Arena* arena = nullptr;
    std::uint8_t* ram = nullptr;
    std::uint32_t ram_bytes = 0;
    std::uint8_t* views = nullptr;  ///< kViewSlots pages, and kGateRange
    StubData* stubs = nullptr;      ///< behind RAM in its file; null: there are no native stubs
};

/// Limits of this host that the shadows must respect.
struct HostLimits {
    std::uint32_t low_floor = 0;          ///< vm.mmap_min_addr, unless this user may ignore it
    std::uint32_t mapping_limit = 60000;  ///< vm.max_map_count with a margin
};
/// Reads both from the host.
HostLimits host_limits();

class MachineCore {
  public:
    /// notify: tells the supervisor that output or an ending waits; async-signal-safe.
    MachineCore(const RunConfig& config, const CoreMemory& memory, HostSpace& host, const HostLimits& limits,
                const std::vector<Disk>& drives, void (*notify)());
    ~MachineCore();

    Dispatcher& dispatcher();
    DeviceBus& bus();
    Pc& pc();
    const CpuModel& cpu_model() const;

    /// Lets hot sensitive instructions jump to `continuation` instead of trapping; for the seccomp engine.
    /// `hardware` is what the engine has loaded into the segment registers; native stubs load them, too.
    void enable_gates(std::uint64_t continuation, HostSelectors& hardware);
    /// True if 64-bit code at this address is one of the gate's landings.
    bool in_landing(std::uint64_t address) const;

    /// Nanoseconds of guest time.
    Nanoseconds now();
    /// Starts guest time.
    void start_clock();
    /// Between these two, guest time stands still: devices and the time-stamp counter do not see that the
    /// guest was stopped.  From then on the counter is the host's no longer, and rdtsc is emulated.
    void pause_clock();
    void resume_clock();
    /// Instead of resume_clock(): the guest sees the time since pause_clock() as it sees any that the host
    /// took for something else.  False if it was too long for that.
    bool ignore_pause();
    /// Notes what was handled in the arena's trap ring.
    void record(const HostTrap& trap, std::uint32_t eip, std::uint8_t cpl);
    /// EIP of the instruction that a trap is about, as the guest knows it, from the virtual CPU at the trap.
    std::uint32_t trapped_eip(const HostTrap& trap) const;
    /// The address of a page fault as the guest knows it; that of any other trap as it is.
    std::uint32_t trapped_address(const HostTrap& trap) const;
    /// Copies up to `room` bytes of guest code at `address` without touching the guest's state; returns how
    /// many could be read.
    unsigned peek_code(gva address, std::uint8_t* into, unsigned room) const;
    /// Where a gate's site is for the guest as it is now; nothing sensible if it came from elsewhere.
    gva site_address(std::uint32_t site) const;
    /// True once the guest has asked to end or to be reset; the arena says why.
    bool stopped() const;
    /// Ends the guest: the first reason given stays.
    void stop(StopReason reason, int code, const char* detail);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ringpress
