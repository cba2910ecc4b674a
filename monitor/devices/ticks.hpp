// Exact conversion between guest nanoseconds and the cycles of a crystal, without 128-bit division.
#pragma once

#include <cstdint>

#include "traps/device_bus.hpp"

namespace ringpress {

inline constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;

/// Whole cycles of a clock of `hz` (below 2^33) that have passed at `now`.
constexpr std::uint64_t cycles_at(Nanoseconds now, std::uint64_t hz) {
    return now / kNanosecondsPerSecond * hz + now % kNanosecondsPerSecond * hz / kNanosecondsPerSecond;
}

/// The first moment at which cycles_at() has reached `cycle`.
constexpr Nanoseconds time_of_cycle(std::uint64_t cycle, std::uint64_t hz) {
    return cycle / hz * kNanosecondsPerSecond + (cycle % hz * kNanosecondsPerSecond + hz - 1) / hz;
}

}  // namespace ringpress
