// A Comparison for people and for programs.
#pragma once

#include <string>

#include "monitor/compare/comparison.hpp"

namespace ringpress {

struct CompareStyle {
    bool colour = false;
    unsigned width = 100;
    bool all = false;  ///< every line, not only those around the first difference
};

/// The runs in columns; one below the other where the terminal is too narrow for that.
std::string compare_text(const Comparison& comparison, const CompareStyle& style);
/// {"kernel", "runs": [{"title", "end", "lines", "parts_at"...}], "first_divergence", "culprit"} and a line
/// end.
std::string compare_json(const Comparison& comparison);

}  // namespace ringpress
