// One guest run several ways: with the holes open, caught, caught cheaply, and under QEMU.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "monitor/compare/alignment.hpp"
#include "monitor/compare/culprit.hpp"
#include "monitor/run_config.hpp"

namespace ringpress {

struct ComparedRun {
    std::string title;        ///< "trap", "inline", "ignore", "QEMU"
    std::string unavailable;  ///< why it was not run; empty: it was
    GuestOutput output;
    std::string end_text;  ///< how it ended, in words
    /// Against the reference, which is the run with everything trapped.
    std::vector<LinePair> pairs;
    std::optional<std::size_t> parts;  ///< position in pairs where it goes another way
};

struct CulpritSite {
    std::uint32_t address = 0;
    std::string text;    ///< assembler
    std::string symbol;  ///< "critical_section+0x12"; may be empty
};

struct Comparison {
    std::string kernel;
    std::vector<ComparedRun> runs;  ///< reference first
    std::set<int> unstable;
    std::optional<Culprit> culprit;  ///< if the run with open holes goes another way
    std::vector<CulpritSite> sites;

    const ComparedRun& reference() const { return runs.front(); }
    const ComparedRun& open() const { return runs.back(); }
};

/// Runs the guest of `config` under trap, inline, QEMU and ignore, each for at most config.time_limit
/// seconds, and looks for the instruction that makes the last one different.  Drives are snapshots. progress:
/// told what is being done.  Throws std::runtime_error if the guest cannot be run.
Comparison compare_guest(const RunConfig& config, const std::string& shown_name,
                         const std::function<void(const std::string&)>& progress);

}  // namespace ringpress
