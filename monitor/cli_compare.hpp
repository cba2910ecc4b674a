// `ringpress compare`: one guest with the holes open, caught, and under QEMU, side by side.
#pragma once

#include <string>
#include <vector>

namespace ringpress {

/// Returns the exit status: 0 once the comparison was made, whatever it showed.
int command_compare(const std::vector<std::string>& arguments);

}  // namespace ringpress
