// What a debugger wants to be told of, and what came of it: the part of run control that the core looks at
// while the guest runs.
//
// Breakpoints and watchpoints are linear addresses, as those of the processor's debug registers are.  A
// breakpoint is an address that a code view never holds an instruction for (code_view.hpp): its int3 stays,
// and no guest can see it.  A page with a watchpoint is never mapped such that the watched kind of access
// would go unnoticed (shadow_pages.hpp); emulation looks here before it touches memory.
#pragma once

#include <atomic>
#include <cstdint>

#include "shadow/address.hpp"

namespace ringpress {

enum class StopCause : std::uint8_t {
    none,
    request,     ///< somebody asked for it
    step,        ///< one instruction was wanted, and has been executed
    breakpoint,  ///< EIP is at it; its instruction has not been executed
    watchpoint,  ///< the instruction before EIP has touched it
};

/// Bits, so that an access can be matched against what is watched for.
enum class Watch : std::uint8_t { write = 1, read = 2, access = 3 };

struct Watchpoint {
    std::uint32_t address = 0, length = 0;  ///< linear; 1 to kPageSize bytes
    Watch kind = Watch::write;

    bool watches(bool write) const {
        return static_cast<unsigned>(kind) & static_cast<unsigned>(write ? Watch::write : Watch::read);
    }
    /// True if it shares a byte with [at, at + bytes); both may wrap around 4 GiB.
    bool overlaps(std::uint32_t at, std::uint32_t bytes) const {
        return at - address < length || address - at < bytes;
    }
    constexpr bool operator==(const Watchpoint&) const = default;
};

inline constexpr std::uint32_t kMostBreakpoints = 256, kMostWatchpoints = 16;

struct DebugPoints {
    std::uint32_t breakpoints = 0, watchpoints = 0;  ///< how many of each
    std::uint32_t breakpoint[kMostBreakpoints] = {};
    Watchpoint watchpoint[kMostWatchpoints] = {};

    /// True if a breakpoint lies in [at, at + bytes).
    bool breaks_in(gva at, std::uint32_t bytes) const {
        for (std::uint32_t i = 0; i < breakpoints; ++i)
            if (breakpoint[i] - at.value < bytes) return true;
        return false;
    }
    bool breaks_at(gva at) const { return breakpoints && breaks_in(at, 1); }
    /// The watchpoint that an access to [at, at + bytes) concerns, or null.
    const Watchpoint* watched(gva at, std::uint32_t bytes, bool write) const {
        for (std::uint32_t i = 0; i < watchpoints; ++i)
            if (watchpoint[i].watches(write) && watchpoint[i].overlaps(at.value, bytes))
                return &watchpoint[i];
        return nullptr;
    }
    /// True if such an access to this page must not go unnoticed.
    bool watched_page(gva at, bool write) const {
        return watchpoints && watched(at.page_base(), kPageSize, write);
    }
    bool watched_page(gva at) const { return watched_page(at, true) || watched_page(at, false); }
};

/// Part of ShadowState: all zero is the state without a debugger.
struct DebugWatch {
    /// Not 0: the core shall look up from running the guest.  Bits of both sides, so only changed atomically.
    std::uint32_t attention;
    static constexpr std::uint32_t kStopWanted = 1, kHit = 2;
    /// With kHit: what has happened.
    StopCause cause;
    std::uint32_t address;  ///< of the breakpoint or watchpoint
    Watch kind;             ///< of a watchpoint
    DebugPoints points;     ///< in force

    bool wanted() { return std::atomic_ref(attention).load(std::memory_order_relaxed) != 0; }
    /// The first hit of an instruction is the one that is told.
    void hit(StopCause what, std::uint32_t at = 0, Watch how = Watch::write) {
        if (std::atomic_ref(attention).load(std::memory_order_relaxed) & kHit) return;
        cause = what;
        address = at;
        kind = how;
        std::atomic_ref(attention).fetch_or(kHit);
    }
    /// The instruction has faulted after all: it has touched nothing.
    void forget_touch() {
        if ((std::atomic_ref(attention).load(std::memory_order_relaxed) & kHit) &&
            cause == StopCause::watchpoint)
            std::atomic_ref(attention).fetch_and(~kHit);
    }
    /// Emulation touches memory.
    void touched(gva at, std::uint32_t bytes, bool write) {
        if (const Watchpoint* w = points.watched(at, bytes, write))
            hit(StopCause::watchpoint, w->address, w->kind);
    }
};

}  // namespace ringpress
