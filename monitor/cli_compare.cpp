#include "monitor/cli_compare.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <stdexcept>

#include "monitor/cli_run.hpp"
#include "monitor/cli_values.hpp"
#include "monitor/compare/report.hpp"
#include "monitor/embedded_kernel.hpp"
#include "monitor/exit_codes.hpp"
#include "monitor/terminal_style.hpp"

// The kernel of examples/ring0, which the build puts into the program.
extern "C" const char ringpress_ring0_guest_begin[], ringpress_ring0_guest_end[];

namespace ringpress {
namespace {

constexpr double kDefaultLimit = 15;
constexpr const char* kCommand = "ringpress compare";

constexpr const char* kHelp =
    "ringpress compare [KERNEL] [options of ringpress run] [-json] [-all]\n"
    "\n"
    "Runs a guest under --sensitive trap, inline and ignore, and under QEMU if that is installed, shows\n"
    "what they print side by side, and finds the instruction that makes the run with open holes different.\n"
    "Without KERNEL: a small kernel that takes ring 0 for granted.\n"
    "\n"
    "Options:\n"
    "  -json                       for programs\n"
    "  -all                        every line, not only those around the first difference\n"
    "  -time-limit SECONDS         for each run; default 15\n"
    "\n"
    "and those of ringpress run that say what to boot and on what machine.\n";

/// Takes a flag out of the arguments; true if it was there.
bool take(std::vector<std::string>& arguments, const std::string& name) {
    const auto before = arguments.size();
    std::erase_if(arguments, [&](const std::string& a) { return a == "-" + name || a == "--" + name; });
    return arguments.size() != before;
}

bool names_kernel(const std::vector<std::string>& arguments) {
    const bool option = std::any_of(arguments.begin(), arguments.end(), [](const std::string& a) {
        return a == "-kernel" || a == "--kernel" || a.starts_with("-kernel=") || a.starts_with("--kernel=");
    });
    if (option) return true;
    try {
        parse_run(arguments, host_memory_bytes(), kCommand);
        return true;
    } catch (const std::runtime_error& error) {
        if (std::string(error.what()).starts_with("no kernel")) return false;
        throw;
    }
}

/// One line on standard error that is overwritten, if that is a terminal.
class Progress {
  public:
    void say(const std::string& text) {
        if (!shown_) return;
        fmt::print(stderr, "\r\033[K{}", text);
        std::fflush(stderr);
    }
    ~Progress() {
        if (shown_) fmt::print(stderr, "\r\033[K");
    }

  private:
    const bool shown_ = isatty(STDERR_FILENO) && isatty(STDOUT_FILENO);
};

}  // namespace

int command_compare(const std::vector<std::string>& arguments) {
    std::vector<std::string> rest = arguments;
    const bool json = take(rest, "json"), all = take(rest, "all");
    if (take(rest, "help") || take(rest, "h")) {
        fmt::print("{}", kHelp);
        return exit_status(ExitCode::ended);
    }
    const bool own = names_kernel(rest);
    if (!own) rest.insert(rest.end(), {"-kernel", "ring0", "-m", "16"});
    const RunRequest request = parse_run(rest, host_memory_bytes(), kCommand);
    if (request.what == RunRequest::What::show_help) {  // -d help, --tune help
        fmt::print("{}", request.help);
        return exit_status(ExitCode::ended);
    }
    RunConfig config = request.config;
    if (config.time_limit <= 0) config.time_limit = kDefaultLimit;
    std::optional<EmbeddedKernel> kernel;
    std::string shown = config.kernel;
    if (!own) {
        kernel.emplace("ring0", ringpress_ring0_guest_begin, ringpress_ring0_guest_end);
        config.kernel = kernel->path();
        shown = "A kernel that takes ring 0 for granted (examples/ring0)";
    }
    std::optional<Comparison> comparison;
    {
        Progress progress;
        comparison = compare_guest(config, shown, [&](const std::string& text) { progress.say(text); });
    }
    if (json)
        fmt::print("{}", compare_json(*comparison));
    else
        fmt::print("{}", compare_text(*comparison, {wants_colour(stdout), output_width(stdout), all}));
    return exit_status(ExitCode::ended);
}

}  // namespace ringpress
