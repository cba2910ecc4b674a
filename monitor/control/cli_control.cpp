#include "monitor/control/cli_control.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "monitor/control/control_client.hpp"
#include "monitor/control/control_protocol.hpp"
#include "monitor/control/human_monitor.hpp"
#include "monitor/vm_directory.hpp"

namespace ringpress {

namespace {

using Json = nlohmann::json;

constexpr const char* kCtlHelp =
    "ringpress ctl NAME [COMMAND...]: a command for a running machine's monitor, as ringpress ctl NAME info\n"
    "registers; help lists them.  Without a command it reads one a line from standard input.\n"
    "ringpress ps lists machines; Ctrl-A c brings the same monitor to a guest's own terminal.\n";
constexpr const char* kPsHelp =
    "ringpress ps [--json]: your running virtual machines\n"
    "\n"
    "  -json  the same as a JSON array, with full paths\n";

/// Over how long traps are counted for the rate that ps shows.
constexpr auto kRateInterval = std::chrono::milliseconds(200);

bool is_help(const std::string& argument) {
    return argument == "--help" || argument == "-help" || argument == "-h";
}

struct Machine {
    Json status;
    std::uint64_t traps_per_second = 0;
};

/// One machine's status; nothing if it has ended, or is not willing to talk.
std::optional<Json> status_of(const std::string& name) {
    try {
        const Json status = Json::parse(ControlClient(name).ask(control::kStatus, nullptr, 2));
        if (status.is_object()) return status;
    } catch (const std::exception&) {
    }
    return std::nullopt;
}

std::vector<Machine> running_machines() {
    std::vector<Machine> machines;
    const auto began = std::chrono::steady_clock::now();
    for (const std::string& name : running_vm_names())
        if (auto status = status_of(name)) machines.push_back({std::move(*status)});
    if (machines.empty()) return machines;
    std::this_thread::sleep_until(began + kRateInterval);
    for (Machine& machine : machines) {
        const auto later = status_of(machine.status.value("name", ""));
        if (!later) continue;
        const double seconds = later->value("seconds", 0.0) - machine.status.value("seconds", 0.0);
        const auto traps =
            later->value("traps", std::int64_t{0}) - machine.status.value("traps", std::int64_t{0});
        if (seconds > 0 && traps > 0)
            machine.traps_per_second = static_cast<std::uint64_t>(static_cast<double>(traps) / seconds);
        machine.status = *later;
    }
    return machines;
}

/// 75 -> "1:15", 4000 -> "1:06:40".
std::string duration(double seconds) {
    const auto s = static_cast<long>(seconds);
    return s < 3600 ? fmt::format("{}:{:02}", s / 60, s % 60)
                    : fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

void print_table(const std::vector<Machine>& machines) {
    std::size_t width = 4;
    for (const Machine& m : machines) width = std::max(width, m.status.value("name", "").size());
    fmt::print("{:<{}}  {:>7}  {:<7}  {:<7}  {:>8}  {:>8}  {:>8}  {}\n", "NAME", width, "PID", "ENGINE",
               "STATE", "RAM", "UPTIME", "TRAPS/S", "KERNEL");
    for (const Machine& m : machines) {
        const Json& s = m.status;
        fmt::print("{:<{}}  {:>7}  {:<7}  {:<7}  {:>4} MiB  {:>8}  {:>8}  {}\n", s.value("name", ""), width,
                   s.value("pid", 0), s.value("engine", ""), s.value("state", ""),
                   s.value("ram_bytes", std::uint64_t{0}) >> 20, duration(s.value("seconds", 0.0)),
                   m.traps_per_second, std::filesystem::path(s.value("kernel", "")).filename().string());
    }
}

}  // namespace

int command_ctl(const std::vector<std::string>& arguments) {
    if (!arguments.empty() && is_help(arguments[0])) {
        fmt::print("{}", kCtlHelp);
        return 0;
    }
    if (arguments.empty())
        throw std::runtime_error(
            "ctl needs a machine's name: ringpress ctl NAME COMMAND; ringpress ps lists names");
    if (arguments[0].starts_with("-"))
        throw std::runtime_error(
            fmt::format("ctl knows no '{}': it has no options; see ringpress ctl --help", arguments[0]));
    ControlClient client(arguments[0]);
    if (arguments.size() > 1) {
        std::string line;
        for (std::size_t i = 1; i < arguments.size(); ++i) line += (i > 1 ? " " : "") + arguments[i];
        fmt::print("{}", client.monitor(line));
        return 0;
    }
    const bool interactive = isatty(STDIN_FILENO);
    const auto prompt = [&] {
        if (interactive) fmt::print("{}", HumanMonitor::kPrompt);
        std::fflush(stdout);
    };
    prompt();
    for (std::string line; std::getline(std::cin, line); prompt()) fmt::print("{}", client.monitor(line));
    if (interactive) fmt::print("\n");
    return 0;
}

int command_ps(const std::vector<std::string>& arguments) {
    bool json = false;
    for (const auto& argument : arguments) {
        if (is_help(argument)) {
            fmt::print("{}", kPsHelp);
            return 0;
        }
        if (argument != "--json" && argument != "-json")
            throw std::runtime_error(
                fmt::format("ps knows no '{}': only --json; see ringpress ps --help", argument));
        json = true;
    }
    const std::vector<Machine> machines = running_machines();
    if (json) {
        Json list = Json::array();
        for (const Machine& m : machines) {
            list.push_back(m.status);
            list.back()["traps_per_second"] = m.traps_per_second;
        }
        fmt::print("{}\n", list.dump(2));
    } else {
        print_table(machines);
    }
    return 0;
}

}  // namespace ringpress
