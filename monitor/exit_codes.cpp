#include "monitor/exit_codes.hpp"

#include <fmt/format.h>

namespace ringpress {

const std::vector<ExitCodeInfo>& exit_codes() {
    static const std::vector<ExitCodeInfo> table = {
#define RINGPRESS_EXIT(id, code, meaning) {ExitCode::id, #id, meaning},
#include "monitor/exit_codes.def"
#undef RINGPRESS_EXIT
    };
    return table;
}

std::string exit_codes_text() {
    std::string text = "Exit status of ringpress run:\n\n";
    for (const auto& line : exit_codes()) {
        text += fmt::format("  {:>3}  {}\n", exit_status(line.code), line.meaning);
    }
    text +=
        "  odd  what the guest wrote to isa-debug-exit: (value << 1) | 1, modulo 256\n"
        "\n"
        "After SIGINT, SIGTERM, SIGHUP or SIGQUIT ringpress ends its guest in order and then dies of that\n"
        "signal, so that a shell shows 128 + its number.\n";
    return text;
}

}  // namespace ringpress
