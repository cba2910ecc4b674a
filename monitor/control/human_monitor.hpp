// The human monitor: commands about the machine, in QEMU's words and with QEMU's answers.
//
// One object per conversation (a terminal, a socket, a debugger's `monitor`): it remembers the format that x
// and p were last given, nothing else.  Commands live in commands_*.cpp and meet in one table here.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "monitor/control/machine_control.hpp"
#include "monitor/control/memory_format.hpp"

namespace ringpress {

/// What a command works on.
struct MonitorSession {
    MachineControl& machine;
    MemoryFormat last_format = {};
};

struct MonitorCommand {
    std::string_view name;  ///< "x", "info registers"; alternatives separated by '|', as QEMU lists them
    std::string_view arguments;
    std::string_view help;
    /// Gets what follows the name, blanks around it removed.  Throws std::runtime_error with one line.
    std::string (*run)(MonitorSession& session, std::string_view arguments);
    bool reads_state = true;  ///< the guest is stopped for the moment, so that its registers are its own
};
/// All commands, sorted by name.
const std::vector<MonitorCommand>& monitor_commands();

class HumanMonitor {
  public:
    static constexpr std::string_view kPrompt = "(ringpress) ";

    explicit HumanMonitor(MachineControl& machine) : session_{machine} {}

    /// Runs one line and returns what there is to say, in whole lines; an empty line says nothing.
    std::string run(std::string_view line);

    /// What the last word of `line` could become: names of commands, for a terminal's Tab key.
    static std::vector<std::string> completions(std::string_view line);

  private:
    MonitorSession session_;
};

// The parts of the table, each in its own file.
std::span<const MonitorCommand> memory_commands();
std::span<const MonitorCommand> cpu_commands();
std::span<const MonitorCommand> paging_commands();
std::span<const MonitorCommand> device_commands();
std::span<const MonitorCommand> machine_commands();
std::span<const MonitorCommand> shadow_commands();

}  // namespace ringpress
