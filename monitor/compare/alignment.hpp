// Two outputs side by side: which line is which, and where they first part.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "monitor/compare/guest_output.hpp"

namespace ringpress {

enum class LineMatch {
    same,
    numbers,  ///< the same but for numbers
    other,    ///< in the same place, but another line
    missing,  ///< only in the reference
    extra,    ///< only in the other one
};

struct LinePair {
    int reference = -1, other = -1;  ///< line numbers; -1: none
    LineMatch match = LineMatch::same;
};

/// The cheapest way to turn one into the other, in order.
std::vector<LinePair> align(const std::vector<OutputLine>& reference, const std::vector<OutputLine>& other);

/// Reference lines in which two runs that are both right differ by numbers: times, counts, addresses.  There
/// a difference in numbers says nothing.
std::set<int> unstable_lines(const std::vector<LinePair>& pairs);

/// Where `other` parts from `reference`: a position in `pairs`; nothing if it does not.  An output that was
/// cut off by a time limit is not taken to part at its end, unless the reference had got there in a third of
/// the time.
std::optional<std::size_t> first_divergence(const std::vector<LinePair>& pairs, const GuestOutput& reference,
                                            const GuestOutput& other, const std::set<int>& unstable);

}  // namespace ringpress
