#include "monitor/top/cli_top.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <thread>

#include "monitor/top/top_screen.hpp"
#include "monitor/top/watched_machine.hpp"
#include "monitor/vm_directory.hpp"

namespace ringpress {

namespace {

constexpr const char* kHelp =
    "ringpress top [NAME] [--once]: a running machine, live; NAME may be left out if there is only one\n"
    "  s  stop it; if it is stopped, run it to its next trap\n"
    "  c  let it go on\n"
    "  q  leave; the machine goes on as it is\n"
    "\n"
    "  -once  one report as text, as when the output is no terminal\n";
constexpr auto kOnceInterval = std::chrono::milliseconds(1000);
constexpr unsigned kOnceColumns = 120, kOnceSites = 15;
constexpr int kOnceSamples = 5;

std::string only_machine() {
    const std::vector<std::string> names = running_vm_names();
    if (names.empty()) throw std::runtime_error("no virtual machine of yours is running");
    if (names.size() > 1) {
        std::string list;
        for (const std::string& name : names) list += " " + name;
        throw std::runtime_error(fmt::format("several machines are running, name one:{}", list));
    }
    return names[0];
}

void report_once(WatchedMachine& machine) {
    // Several looks, so that the newest traps of each make a picture of the hottest sites.
    TopReport first;
    for (int i = 0; i < kOnceSamples; ++i) {
        std::this_thread::sleep_for(kOnceInterval / kOnceSamples);
        TopReport report = machine.look(kOnceSites);
        if (i == 0) {
            first = report;
            continue;
        }
        if (i + 1 < kOnceSamples) continue;
        report.before = first.before;
        for (const TopLine& line : top_lines(report, kOnceColumns)) fmt::print("{}\n", line.text);
    }
}

}  // namespace

int command_top(const std::vector<std::string>& arguments) {
    bool once = !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO);
    std::string name;
    for (const std::string& argument : arguments) {
        if (argument == "--once" || argument == "-once") {
            once = true;
        } else if (argument == "--help" || argument == "-help" || argument == "-h") {
            fmt::print("{}", kHelp);
            return 0;
        } else if (argument.starts_with("-") || !name.empty()) {
            throw std::runtime_error(fmt::format(
                "top knows no '{}': only a machine's name and --once; see ringpress top --help", argument));
        } else {
            name = argument;
        }
    }
    WatchedMachine machine(name.empty() ? only_machine() : name);
    if (once)
        report_once(machine);
    else
        watch_on_screen(machine);
    return 0;
}

}  // namespace ringpress
