// The commands that read traces: `ringpress trace` and `ringpress report`.
#pragma once

#include <string>
#include <vector>

namespace ringpress {

/// trace summary|convert ...; returns the exit status.  Throws std::runtime_error with one line.
int command_trace(const std::vector<std::string>& arguments);
/// report TRACE -o FILE
int command_report(const std::vector<std::string>& arguments);

}  // namespace ringpress
