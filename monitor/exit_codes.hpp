// What the exit status of `ringpress run` says.  One table, exit_codes.def, drives this enumeration, the help
// text and the documentation.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ringpress {

enum class ExitCode : int {
#define RINGPRESS_EXIT(id, code, meaning) id = code,
#include "monitor/exit_codes.def"
#undef RINGPRESS_EXIT
};

constexpr int exit_status(ExitCode code) {
    return static_cast<int>(code);
}

struct ExitCodeInfo {
    ExitCode code;
    std::string_view id;
    std::string_view meaning;
};
/// Every line of exit_codes.def, in its order.
const std::vector<ExitCodeInfo>& exit_codes();

/// The table as text, for `ringpress help exit-codes`.
std::string exit_codes_text();

}  // namespace ringpress
