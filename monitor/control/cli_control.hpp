// `ringpress ctl` and `ringpress ps`: talking to machines that run.
#pragma once

#include <string>
#include <vector>

namespace ringpress {

/// ctl NAME [COMMAND...]: one command for the human monitor; without one, a line each from standard input.
int command_ctl(const std::vector<std::string>& arguments);

/// ps [--json]: this user's virtual machines.
int command_ps(const std::vector<std::string>& arguments);

}  // namespace ringpress
