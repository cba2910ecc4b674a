// What `ringpress top` reads of a running machine: a copy of the counters, and what has changed between two.
//
// The arena is mapped read-only, and its writer may be hostile: everything is copied before it is looked at,
// and every number that selects something is checked.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "monitor/arena.hpp"

namespace ringpress {

struct TopSample {
    std::chrono::steady_clock::time_point when;
    Statistics statistics;
    ShadowState::Counters shadow;
    std::uint32_t data_pages = 0, code_pages = 0;
    VCpu cpu;
    bool stopped = false;
    std::uint32_t bytes_out = 0, bytes_in = 0, debug_bytes = 0, keys = 0;  ///< modulo 2^32
    std::uint32_t irq_levels = 0;
    std::uint32_t traps_recorded = 0;
    std::vector<TrapRecord>
        newest;  ///< what was recorded since the sample before, as far as the ring holds it
};

/// before: how many traps had been recorded at the last sample.
TopSample take_sample(const Arena& arena, std::uint32_t before);

/// A place in guest code where traps happen.
struct TrapSite {
    std::uint32_t eip = 0;
    std::uint8_t insn = 0, cause = 0, cpl = 0;
    auto operator<=>(const TrapSite&) const = default;
};

/// Which sites were seen most of late, from the newest traps of each sample: a share of all traps.
class HotSites {
  public:
    void add(const std::vector<TrapRecord>& newest);
    struct Entry {
        TrapSite site;
        double share;  ///< 0..1
    };
    /// The hottest first.
    std::vector<Entry> hottest(std::size_t count) const;

  private:
    static constexpr double kFade = 0.8;        ///< what a sample is worth when the next one comes
    static constexpr std::size_t kMost = 4096;  ///< sites remembered
    std::map<TrapSite, double> weight_;
};

}  // namespace ringpress
