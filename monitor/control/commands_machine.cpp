// Commands about the run as a whole: stop, cont, system_reset, quit, info status, info name, info version.
#include <fmt/format.h>

#include <stdexcept>

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
std::string step(MonitorSession& session, std::string_view) {
    session.machine.step(false);
    return {};
}
std::string next_trap(MonitorSession& session, std::string_view) {
    session.machine.step(true);
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

std::string savevm(MonitorSession& session, std::string_view file) {
    if (file.empty()) throw std::runtime_error("savevm needs a file: savevm FILE");
    session.machine.save(std::string(file));
    return {};
}
std::string loadvm(MonitorSession& session, std::string_view file) {
    if (file.empty()) throw std::runtime_error("loadvm needs a file: loadvm FILE");
    session.machine.load(std::string(file));
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
    {"step", "", "execute one instruction of a stopped guest", step, false},
    {"next-trap", "", "run a stopped guest until its next trap (gates are none) has been handled", next_trap,
     false},
    {"system_reset", "", "reset the system", reset, false},
    {"quit|q", "", "quit the emulator", quit, false},
    {"savevm", "file", "save the whole machine to a file", savevm},
    {"loadvm", "file", "go on from a file that savevm wrote", loadvm, false},
    {"info status", "", "show the current VM status (running|paused)", status, false},
    {"info name", "", "show the current VM name", name, false},
    {"info version", "", "show the version of ringpress", version, false},
};

}  // namespace

std::span<const MonitorCommand> machine_commands() {
    return kCommands;
}

}  // namespace ringpress
