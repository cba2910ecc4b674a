// Whole files from the host, with errors that a user can act on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ringpress {

/// Reads all of a file (or pipe).  `what` names its role in messages: "kernel", "initrd", "module".
/// Throws std::runtime_error with one line if it is missing, unreadable, a directory, empty, or larger than
/// max_bytes.
std::vector<std::uint8_t> read_host_file(const std::string& path, std::string_view what,
                                         std::uint64_t max_bytes);

}  // namespace ringpress
