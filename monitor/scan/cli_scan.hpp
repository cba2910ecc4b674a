// `ringpress scan KERNEL`: which sensitive instructions a kernel has, before it runs.
#pragma once

#include <string>
#include <vector>

namespace ringpress {

/// Throws std::runtime_error with one line for the user; returns the exit status.
int command_scan(const std::vector<std::string>& arguments);

}  // namespace ringpress
