// Which instruction breaks a guest whose holes are open: found by experiment.
//
// A run under --sensitive trap is right.  Under ignore all holes are open, and the guest goes wrong
// somewhere. So: leave open one hole at a time.  An instruction that makes the guest part from the right run
// at the same line, all by itself, is the cause.  Then the same with the places where the guest executes it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "monitor/compare/alignment.hpp"
#include "monitor/run_config.hpp"
#include "traps/instruction.hpp"

namespace ringpress {

/// What one experiment showed.
struct Effect {
    InsnId id = InsnId::innocuous;
    int reference_line = -1;  ///< the first line that it breaks; -1: none
    std::string shown;        ///< what was printed there instead; empty: nothing
};

struct Culprit {
    std::vector<Effect> effects;  ///< one for each candidate
    std::optional<InsnId> id;     ///< the cause of the first divergence
    bool alone = false;           ///< left open alone it is enough; else it takes other open holes besides
    std::vector<std::uint32_t> sites;  ///< linear addresses of the places that matter; empty: not found
    unsigned runs = 0;
};

/// The guest, run with some holes open under level trap.
using OpenRun = std::function<GuestOutput(const OpenHoles& open)>;
/// Where the guest executes an instruction, in rising order.
using SitesOf = std::function<std::vector<std::uint32_t>(InsnId id)>;

/// reference: the right run; line: the reference's line at which `ignored` parts from it (its number of
/// lines, if it goes on behind the end); candidates: the sensitive instructions that the guest executes.
Culprit find_culprit(const GuestOutput& reference, const std::set<int>& unstable, int line,
                     const std::vector<InsnId>& candidates, const OpenRun& run, const SitesOf& sites);

/// The reference's line at which `other` parts from it; -1 if it does not.
int parting_line(const GuestOutput& reference, const GuestOutput& other, const std::set<int>& unstable,
                 std::string* shown = nullptr);

}  // namespace ringpress
