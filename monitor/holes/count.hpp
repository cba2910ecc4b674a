// The holes counted: on this host, and in the literature.
#pragma once

#include <string>
#include <vector>

#include "monitor/holes/findings.hpp"

namespace ringpress {

struct HolesCount {
    unsigned instructions = 0, forms = 0;
    /// By the worst answer of the host to any of their forms; indexed by HostAnswer.
    unsigned instructions_by_answer[7] = {};
    unsigned forms_by_answer[7] = {};
    unsigned holes = 0;  ///< instructions with a form that is a hole here

    std::vector<std::string> printed;        ///< names in Robin and Irvine's list, each once
    unsigned printed_lines = 0;              ///< lines of our table that these names stand for
    std::vector<std::string> printed_holes;  ///< of them, those that are holes on this host
    std::vector<std::string> unlisted;       ///< holes on this host that the list does not have
};

HolesCount count_holes(const HolesReport& report);

/// The numbers in sentences, wrapped to `width`.
std::string count_text(const HolesCount& count, unsigned width);

/// Breaks text at blanks; every line begins with `indent` blanks.  Ends in a line end.
std::string wrapped(std::string_view text, unsigned width, unsigned indent = 0);

}  // namespace ringpress
