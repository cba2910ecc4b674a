// `ringpress top [NAME] [--once]`: a running machine, live.
#pragma once

#include <string>
#include <vector>

namespace ringpress {

int command_top(const std::vector<std::string>& arguments);

}  // namespace ringpress
