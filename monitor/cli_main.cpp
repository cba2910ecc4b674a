#include "monitor/cli_main.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "monitor/cli_arguments.hpp"
#include "monitor/cli_compare.hpp"
#include "monitor/cli_demo.hpp"
#include "monitor/cli_holes.hpp"
#include "monitor/cli_run.hpp"
#include "monitor/cli_values.hpp"
#include "monitor/control/cli_control.hpp"
#include "monitor/doctor.hpp"
#include "monitor/exit_codes.hpp"
#include "monitor/scan/cli_scan.hpp"
#include "monitor/symbols/cli_symbols.hpp"
#include "monitor/top/cli_top.hpp"
#include "monitor/trace/cli_trace.hpp"
#include "monitor/trace/trap_causes.hpp"
#include "monitor/version.hpp"

namespace ringpress {
namespace {

using Arguments = std::vector<std::string>;

std::string usage();

int command_run(const Arguments& arguments) {
    const RunRequest request = parse_run(arguments, host_memory_bytes());
    switch (request.what) {
        case RunRequest::What::show_help: fmt::print("{}", request.help); return 0;
        case RunRequest::What::run: break;
    }
    return run_command(request.config);
}

int command_doctor(const Arguments& arguments) {
    bool json = false, help = false;
    CLI::App app("Tries what guests need of this host; status 0 if they can run.", "ringpress doctor");
    app.set_help_flag();
    app.add_flag("--json", json, "one JSON object instead of text");
    app.add_flag("--help,--h", help, "this text");
    parse_command(app, arguments);
    if (help) {
        fmt::print("{}", app.help());
        return 0;
    }
    return doctor_command(json);
}

int command_help(const Arguments& arguments);

int command_version(const Arguments&) {
    fmt::print("ringpress {}\n", kVersion);
    return 0;
}

struct Command {
    const char* name;
    int (*run)(const Arguments& arguments);
    const char* arguments = "";
    const char* summary = "";  ///< empty: another spelling, not shown
};
constexpr Command kCommands[] = {
    {"run", command_run, "KERNEL [options]", "boot a kernel; options as QEMU's, see ringpress run --help"},
    {"demo", command_demo, "[options]", "boot the embedded guest and show what was trapped"},
    {"trace", command_trace, "summary TRACE", "what run -trace FILE has recorded; also trace convert"},
    {"report", command_report, "TRACE", "the same as a web page to look into"},
    {"holes", command_holes, "[INSTRUCTION]", "every sensitive instruction, executed on this host"},
    {"compare", command_compare, "[KERNEL]",
     "one guest with the holes open and caught, side by side with QEMU"},
    {"doctor", command_doctor, "[--json]", "try out what this host offers, and what its lack costs"},
    {"scan", command_scan, "KERNEL [options]",
     "the sensitive instructions in a kernel: which trap, which are holes"},
    {"ps", command_ps, "[--json]", "your running virtual machines"},
    {"top", command_top, "[NAME] [--once]",
     "a running machine, live: traps, hottest sites, processor, shadows"},
    {"ctl", command_ctl, "NAME COMMAND...", "a command for the monitor of one, as info registers"},
    {"symbols", command_symbols, "KERNEL", "the names that are found in a kernel, as nm prints them"},
    {"help", command_help, "exit-codes", "what the exit status says; help COMMAND: that command's options"},
    {"--version", command_version, "", "the version of this program"},
    {"--help", command_help},
    {"-help", command_help},
    {"-h", command_help},
    {"-version", command_version},
};

std::string usage() {
    std::string text =
        "ringpress boots unmodified 32-bit x86 operating systems inside an ordinary process.\n\n";
    for (const Command& command : kCommands) {
        if (!*command.summary) continue;
        const std::string call = fmt::format("ringpress {} {}", command.name, command.arguments);
        text += fmt::format("  {:<33}{}\n", call, command.summary);
    }
    return text + "\nCtrl-A x leaves a running guest.\n";
}

std::vector<std::string> command_names() {
    std::vector<std::string> names;
    for (const Command& command : kCommands)
        if (*command.summary) names.emplace_back(command.name);
    return names;
}

int command_help(const Arguments& arguments) {
    if (arguments.empty()) {
        fmt::print("{}", usage());
        return 0;
    }
    const std::string& topic = arguments[0];
    if (topic == "exit-codes") {
        fmt::print("{}", exit_codes_text());
        return 0;
    }
    for (const Command& command : kCommands)
        if (topic == command.name && command.run != command_help && command.run != command_version)
            return command.run({"--help"});
    throw std::runtime_error(fmt::format("no help on '{}'{}: ask for exit-codes or a command", topic,
                                         did_you_mean(topic, command_names())));
}

int dispatch(const Arguments& arguments) {
    if (arguments.empty()) {
        fmt::print(stderr, "{}", usage());
        return exit_status(ExitCode::host_error);
    }
    const Arguments rest(arguments.begin() + 1, arguments.end());
    for (const Command& command : kCommands) {
        if (arguments[0] == command.name) return command.run(rest);
    }
    if (arguments[0].starts_with("-")) {
        throw std::runtime_error(fmt::format(
            "'{}' is no command; to boot a kernel write ringpress run {} ...", arguments[0], arguments[0]));
    }
    throw std::runtime_error(fmt::format("'{}' is no command{}; see ringpress --help", arguments[0],
                                         did_you_mean(arguments[0], command_names())));
}

/// Descriptors 0 to 2 exist from here on.  If the caller closed one, the next file opened would take its
/// number, and the guest's output would go there.
void ensure_standard_descriptors() {
    for (int fd = 0; fd <= 2; ++fd) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
        [[maybe_unused]] const int lowest_free = open("/dev/null", O_RDWR);
    }
}

}  // namespace

int cli_main(int argc, char** argv) {
    ensure_standard_descriptors();
    try {
        return dispatch(Arguments(argv + (argc > 0), argv + argc));
    } catch (const std::bad_alloc&) {
        fmt::print(stderr,
                   "ringpress: the host is out of memory: end other programs, or give the guest less (-m)\n");
    } catch (const std::runtime_error& error) {
        fmt::print(stderr, "ringpress: {}\n", error.what());
    } catch (const std::exception& error) {
        fmt::print(stderr, "ringpress: a bug in ringpress: {}\n", error.what());
        return exit_status(ExitCode::monitor_bug);
    }
    return exit_status(ExitCode::host_error);
}

}  // namespace ringpress
