// Commands about the run as a whole: stop, cont, system_reset, quit, info status, info name, info version.
#include <fmt/format.h>

#include "monitor/control/human_monitor.hpp"
#include "monitor/version.hpp"

namespace ringpress {

namespace {

std::string stop(MonitorSession& session, std::string_view) {
    session.machine.stop();
    return {};
}
std::string cont(MonitorSession& session, std::string_view) {
    session.machine.resume();
    return {};
}
std::string reset(MonitorSession& session, std::string_view) {
    session.machine.reset();
    return {};
}
std::string quit(MonitorSession& session, std::string_view) {
    session.machine.quit();
    return {};
}

std::string status(MonitorSession& session, std::string_view) {
    return session.machine.running() ? "VM status: running\n" : "VM status: paused\n";
}
std::string name(MonitorSession& session, std::string_view) {
    return session.machine.config().name + "\n";
}
std::string version(MonitorSession&, std::string_view) {
    return fmt::format("ringpress {}\n", kVersion);
}

constexpr MonitorCommand kCommands[] = {
    {"stop|s", "", "stop emulation", stop, false},
    {"cont|c", "", "resume emulation", cont, false},
    {"system_reset", "", "reset the system", reset, false},
    {"quit|q", "", "quit the emulator", quit, false},
    {"info status", "", "show the current VM status (running|paused)", status, false},
    {"info name", "", "show the current VM name", name, false},
    {"info version", "", "show the version of ringpress", version, false},
};

}  // namespace

std::span<const MonitorCommand> machine_commands() {
    return kCommands;
}

}  // namespace ringpress
