// `ringpress run`: options to RunConfig, and the run itself.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "monitor/run_config.hpp"

namespace ringpress {

/// What `ringpress run` was asked to do.
struct RunRequest {
    enum class What : std::uint8_t { run, show_help } what = What::run;
    RunConfig config;
    std::string help;  ///< the help text, for show_help
};

/// Parses the arguments behind `run`.  host_bytes: the memory of this host, see host_memory_bytes().
/// command: whose help a user is sent to, for other commands that take these options.
/// Throws std::runtime_error with one line for the user.
RunRequest parse_run(const std::vector<std::string>& arguments, std::uint64_t host_bytes,
                     const std::string& command = "ringpress run");

/// Runs a guest to its end, prints what there is to say, and returns the exit status.
/// Throws std::runtime_error with one line if the guest cannot be started.
int run_command(const RunConfig& config);

}  // namespace ringpress
