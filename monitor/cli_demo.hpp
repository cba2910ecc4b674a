// `ringpress demo`: boots the guest that comes with ringpress and shows what was trapped, patched and mapped.
#pragma once

#include <string>
#include <vector>

namespace ringpress {

/// arguments: options as for `ringpress run`, but no kernel.  Returns the exit status of the run.
/// Throws std::runtime_error with one line as run does.
int command_demo(const std::vector<std::string>& arguments);

}  // namespace ringpress
