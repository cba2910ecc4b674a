// QEMU with the same guest, if it is installed.
#pragma once

#include <string>
#include <vector>

#include "monitor/run_config.hpp"

namespace ringpress {

/// The path of qemu-system-i386, or empty.
std::string find_qemu();

/// Its arguments for a guest, the program's name first: TCG, an i686 without what ringpress does not have,
/// serial port on standard output.
std::vector<std::string> qemu_arguments(const std::string& program, const RunConfig& config);

/// Becomes QEMU.  Returns only if that fails, with an exit status.
int exec_qemu(const std::vector<std::string>& arguments);

}  // namespace ringpress
