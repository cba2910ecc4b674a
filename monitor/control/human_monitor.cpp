#include "monitor/control/human_monitor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace ringpress {

namespace {

constexpr std::size_t kMaxLine = 4096;

std::string_view trim(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
    return text;
}

/// The names of a command: "quit|q" -> quit, q.
std::vector<std::string_view> names_of(const MonitorCommand& command) {
    std::vector<std::string_view> names;
    std::string_view rest = command.name;
    for (std::size_t bar; (bar = rest.find('|')) != std::string_view::npos; rest.remove_prefix(bar + 1))
        names.push_back(rest.substr(0, bar));
    names.push_back(rest);
    return names;
}

/// The command that `line` begins with, which is taken off it; a format may follow its name directly.
const MonitorCommand* take_command(std::string_view& line) {
    const MonitorCommand* found = nullptr;
    std::size_t longest = 0;
    for (const MonitorCommand& command : monitor_commands()) {
        for (const std::string_view name : names_of(command)) {
            if (!line.starts_with(name) || name.size() < longest) continue;
            const char behind = line.size() > name.size() ? line[name.size()] : ' ';
            if (!std::isspace(static_cast<unsigned char>(behind)) && behind != '/') continue;
            found = &command;
            longest = name.size();
        }
    }
    if (found) line = trim(line.substr(longest));
    return found;
}

/// "info   registers" -> "info registers": names are compared as they are in the table.
std::string single_blanks_in_name(std::string_view line) {
    if (!line.starts_with("info")) return std::string(line);
    const std::string_view rest = line.substr(4);
    if (rest.empty() || !std::isspace(static_cast<unsigned char>(rest[0]))) return std::string(line);
    return "info " + std::string(trim(rest));
}

std::string help_line(const MonitorCommand& command) {
    return fmt::format("{}{}{} -- {}\n", command.name, command.arguments.empty() ? "" : " ",
                       command.arguments, command.help);
}

std::string help_on(std::string_view prefix, bool with_info) {
    std::string text;
    for (const MonitorCommand& command : monitor_commands()) {
        const bool is_info = command.name.starts_with("info ");
        if (is_info != with_info) continue;
        const auto names = names_of(command);
        if (prefix.empty() || std::find(names.begin(), names.end(), prefix) != names.end())
            text += help_line(command);
    }
    return text;
}

std::string help(MonitorSession&, std::string_view arguments) {
    if (arguments.empty())
        return help_on("", false) + "info subcommand -- show information: info alone lists the subcommands\n";
    if (arguments == "info") return help_on("", true);
    const std::string text = help_on(arguments, arguments.starts_with("info "));
    if (text.empty()) throw std::runtime_error(fmt::format("unknown command: '{}'", arguments));
    return text;
}

std::string subcommands(MonitorSession&, std::string_view) {
    return help_on("", true);
}

constexpr MonitorCommand kHelp[] = {
    {"help|?", "[command]", "show the help, or that of a command", help, false},
    {"info", "[subcommand]", "show information: info alone lists the subcommands", subcommands, false},
};

}  // namespace

const std::vector<MonitorCommand>& monitor_commands() {
    static const std::vector<MonitorCommand> all = [] {
        std::vector<MonitorCommand> commands(std::begin(kHelp), std::end(kHelp));
        for (const auto part : {memory_commands(), cpu_commands(), paging_commands(), device_commands(),
                                machine_commands(), shadow_commands()})
            commands.insert(commands.end(), part.begin(), part.end());
        std::sort(commands.begin(), commands.end(),
                  [](const MonitorCommand& a, const MonitorCommand& b) { return a.name < b.name; });
        return commands;
    }();
    return all;
}

std::string HumanMonitor::run(std::string_view line) {
    const std::string whole = single_blanks_in_name(trim(line.substr(0, kMaxLine)));
    if (whole.empty() || whole[0] == '#') return {};
    std::string_view rest = whole;
    const MonitorCommand* command = take_command(rest);
    if (!command || (command->run == subcommands && !rest.empty()))
        return fmt::format("unknown command: '{}'\n", whole.substr(0, 80));
    std::string answer;
    const auto run = [&] {
        try {
            answer = command->run(session_, rest);
        } catch (const std::runtime_error& error) {
            answer = fmt::format("{}\n", error.what());
        }
    };
    if (command->reads_state)
        session_.machine.while_stopped(run);
    else
        run();
    return answer;
}

std::vector<std::string> HumanMonitor::completions(std::string_view line) {
    std::vector<std::string> found;
    const std::string so_far = single_blanks_in_name(line);
    for (const MonitorCommand& command : monitor_commands())
        for (const std::string_view name : names_of(command))
            if (name.starts_with(so_far) && (so_far.starts_with("info ") || !name.starts_with("info ")))
                found.emplace_back(name);
    return found;
}

}  // namespace ringpress
