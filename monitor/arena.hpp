// The arena: one shared mapping, at the same address in the supervisor and in the guest process, that holds
// all state of a virtual machine besides its RAM.  No pointers into private memory, no allocator: a fixed
// layout whose every part the supervisor can check, because the guest process may write anything here.
#pragma once

#include <atomic>
#include <cstdint>

#include "monitor/byte_ring.hpp"
#include "monitor/debug/run_state.hpp"
#include "monitor/devices/state.hpp"
#include "monitor/trace/trap_record.hpp"
#include "shadow/shadow_state.hpp"
#include "shadow/vcpu.hpp"
#include "traps/statistics.hpp"

namespace ringpress {

inline constexpr std::uint32_t kArenaMagic = 0x50474E52;  // "RNGP"
inline constexpr std::uint32_t kArenaVersion = 5;

/// Why the guest process stopped running the guest; written once, by the core.
enum class StopReason : std::uint32_t {
    none,
    debug_exit,  ///< code holds the exit status
    power_off,
    reset,      ///< the guest asked for a reset
    shutdown,   ///< triple fault
    dead_halt,  ///< hlt with interrupts disabled and no NMI source: nothing can wake it
    fence,      ///< code holds what was tried; see StopRecord::detail
    bug,        ///< detail holds the failed assertion
};

struct StopRecord {
    std::atomic<StopReason> reason{StopReason::none};
    std::int32_t code = 0;
    char detail[240] = {};
};

struct Arena {
    std::uint32_t magic = kArenaMagic;
    std::uint32_t version = kArenaVersion;
    std::uint32_t ram_bytes = 0;
    std::int32_t supervisor_pid = 0;
    std::int32_t guest_pid = 0;

    /// Set by the supervisor when a byte or an event waits for the guest; the core sleeps on it with futex.
    std::atomic<std::uint32_t> doorbell{0};
    /// 1 while the core sleeps on the doorbell (a signal is needed only when it does not).
    std::atomic<std::uint32_t> asleep{0};

    /// 1 while the supervisor sleeps: output must be announced.
    std::atomic<std::uint32_t> supervisor_waits{0};

    StopRecord stop;
    RunState run;
    VCpu cpu;
    DeviceState devices;
    Statistics statistics;

    ByteRing<65536> serial_out, debugcon_out;
    ByteRing<4096> serial_in, keyboard_in;  ///< keyboard_in holds scan codes, set 1

    /// Bit n: traps of TrapCause n go into `trace`.  Changed by the supervisor only, at any time.
    std::atomic<std::uint32_t> traced_causes{0};
    std::atomic<std::uint32_t> trap_count{0};
    TrapRecord traps[kTrapRingSize];  ///< the newest ones; trap n is at n % kTrapRingSize

    ShadowState shadow;
    TraceRing trace;
};

}  // namespace ringpress
