// `ringpress symbols KERNEL`: the names that ringpress finds in a kernel, as nm prints them.
#pragma once

#include <string>
#include <vector>

namespace ringpress {

/// Throws std::runtime_error with one line for the user; returns the exit status.
int command_symbols(const std::vector<std::string>& arguments);

}  // namespace ringpress
