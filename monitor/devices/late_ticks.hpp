// What happens to the ticks of a periodic timer when the host was late.
//
// A timer whose period has passed several times between two calls of DeviceBus::advance() raises its line
// once and owes the rest, up to kMaxOwed: each is delivered when the guest has acknowledged the one before,
// so that a guest that keeps time by counting ticks stays right through a pause of the host, and none is
// delivered twice. What exceeds the bound is dropped: after a long stop the guest sees a short burst, not
// hours of ticks. Ticks that pass while the guest itself keeps interrupts off are not owed; they merge in the
// interrupt controller as they do on the real machine.
#pragma once

#include <cstdint>

#include "traps/device_bus.hpp"

namespace ringpress {

inline constexpr std::uint32_t kMaxOwed = 8;

/// Timers are not run faster than this, whatever the guest programs: every tick costs the host a signal.
inline constexpr Nanoseconds kShortestPeriod = 20'000;

struct LateTicks {
    std::uint32_t owed = 0;

    /// `ticks` (at least one) have passed, and the first is being delivered.
    void passed(std::uint64_t ticks) {
        const std::uint64_t sum = owed + (ticks - 1);
        owed = static_cast<std::uint32_t>(sum < kMaxOwed ? sum : kMaxOwed);
    }
    /// The last delivered tick was acknowledged: true if another is to be delivered now.
    bool take() {
        if (owed == 0) return false;
        --owed;
        return true;
    }
};

}  // namespace ringpress
