// Commands about the processor: info registers, info cpus.
#include <fmt/format.h>

#include "monitor/control/human_monitor.hpp"
#include "monitor/cpu_dump.hpp"

namespace ringpress {

namespace {

std::string registers(MonitorSession& session, std::string_view) {
    return "\nCPU#0\n" + cpu_dump(session.machine.guest().cpu()) +
           fpu_dump(session.machine.arena().run.fpu.bytes);
}

std::string cpus(MonitorSession& session, std::string_view) {
    return fmt::format("* CPU #0: thread_id={}\n", session.machine.arena().guest_pid);
}

constexpr MonitorCommand kCommands[] = {
    {"info registers", "", "show the cpu registers", registers},
    {"info cpus", "", "show infos for each CPU", cpus},
};

}  // namespace

std::span<const MonitorCommand> cpu_commands() {
    return kCommands;
}

}  // namespace ringpress
