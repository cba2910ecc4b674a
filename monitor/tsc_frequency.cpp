#include "monitor/tsc_frequency.hpp"

#include <time.h>
#include <x86intrin.h>

namespace ringpress {

namespace {

struct Moment {
    std::uint64_t ticks;
    std::uint64_t nanoseconds;
};

std::uint64_t monotonic() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(t.tv_nsec);
}

/// Both clocks at one moment: of several tries the one that was interrupted least.
Moment now() {
    Moment best{};
    std::uint64_t shortest = ~std::uint64_t{0};
    for (int i = 0; i < 16; ++i) {
        const std::uint64_t before = __rdtsc(), time = monotonic(), after = __rdtsc();
        if (after - before >= shortest) continue;
        shortest = after - before;
        best = {before + shortest / 2, time};
    }
    return best;
}

std::uint64_t measure() {
    constexpr std::uint64_t kSpan = 4'000'000;
    const Moment first = now();
    while (monotonic() - first.nanoseconds < kSpan) _mm_pause();
    const Moment last = now();
    const auto ticks = static_cast<unsigned __int128>(last.ticks - first.ticks);
    return static_cast<std::uint64_t>(ticks * 1'000'000'000u / (last.nanoseconds - first.nanoseconds));
}

}  // namespace

std::uint64_t tsc_frequency() {
    static const std::uint64_t hz = measure();
    return hz;
}

}  // namespace ringpress
