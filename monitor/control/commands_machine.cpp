// Commands about the run as a whole: run control, resets and the other buttons, snapshots, logging, the
// debugger's port, info status and its like.
#include <fmt/format.h>

#include <stdexcept>

#include "monitor/cli_values.hpp"
#include "monitor/control/human_monitor.hpp"
#include "monitor/debug/gdb_address.hpp"
#include "monitor/trace/trap_causes.hpp"
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

std::string nmi(MonitorSession& session, std::string_view) {
    return session.machine.press_nmi() ? "" : "the guest has masked LINT1 of its local APIC: no NMI\n";
}

/// QEMU's sends an ACPI event, and without ACPI goes unheard, as here; but QEMU does not say so.
std::string powerdown(MonitorSession&, std::string_view) {
    throw std::runtime_error(
        "the machine has no ACPI, and so no power button that the guest could see: have the guest shut "
        "itself "
        "down, or quit");
}

std::string log(MonitorSession& session, std::string_view items) {
    if (items.empty() || items == "help") return log_items_text() + "  none  nothing any more\n";
    session.machine.log(items == "none" ? std::vector<std::string>{}
                                        : parse_log_items(std::string(items), log_item_names()));
    return {};
}

std::string gdbserver(MonitorSession& session, std::string_view device) {
    const std::string address(device.empty() ? kDefaultGdbAddress : device);
    session.machine.listen_for_gdb(address);
    return address == "none" ? "Disabled gdbserver\n"
                             : fmt::format("Waiting for gdb connection on device '{}'\n", address);
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
    {"system_powerdown", "", "send system power down event (which needs ACPI)", powerdown, false},
    {"nmi", "", "inject an NMI", nmi},
    {"log", "item1[,...]", "log these items (-d's) from now on; 'log none' ends it, 'log' lists them", log,
     false},
    {"gdbserver", "[device]", "start gdbserver on given device (default 'tcp::1234'), stop with 'none'",
     gdbserver, false},
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
