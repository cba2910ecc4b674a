// All runs of a comparison merged into one table of lines.
#pragma once

#include <string>
#include <vector>

#include "monitor/compare/comparison.hpp"

namespace ringpress {

struct CompareCell {
    bool present = false;
    std::string text;
    bool differs = false;  ///< from the reference, in a way that counts
    bool first = false;    ///< where its run parts from the reference
};
/// One line of each run, in the order of Comparison::runs; runs that were not made have no cells of theirs.
using CompareRow = std::vector<CompareCell>;

std::vector<CompareRow> merged_rows(const Comparison& comparison);

}  // namespace ringpress
