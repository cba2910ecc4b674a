// `ringpress holes`: every sensitive instruction, executed on this host.
#pragma once

#include <string>
#include <vector>

namespace ringpress {

/// Returns the exit status: 0, or 2 if guests would not run and the report is incomplete for it.
int command_holes(const std::vector<std::string>& arguments);

}  // namespace ringpress
