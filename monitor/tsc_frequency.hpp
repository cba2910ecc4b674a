// How fast this host's time-stamp counter runs.
#pragma once

#include <cstdint>

namespace ringpress {

/// In Hz, measured against CLOCK_MONOTONIC over a few milliseconds, to some parts per million; the first call
/// takes that long, later ones answer at once.
std::uint64_t tsc_frequency();

}  // namespace ringpress
