// The forms executed by a guest's kernel, at its ring 0, under each --sensitive level.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "monitor/holes/form_outcome.hpp"
#include "monitor/run_config.hpp"

namespace ringpress {

/// What a guest got under one level, by form number.
struct LevelRun {
    std::map<unsigned, FormOutcome> outcomes;
    std::map<unsigned, std::string> ends;  ///< forms that were the guest's end, and how it ended
    std::string failure;                   ///< not empty: the host would not run the guest at all
};

/// From the lines of the guest kernel, and "died N MESSAGE" and "failed MESSAGE" between them.
LevelRun parse_level_run(std::string_view lines);

/// Runs the guest kernel under every level named, side by side, each as often as it takes to get through all
/// forms.
std::vector<LevelRun> run_levels(const std::vector<Sensitive>& levels);

}  // namespace ringpress
