// Commands about the devices: info pic, sendkey.
#include <fmt/format.h>

#include "monitor/control/human_monitor.hpp"

namespace ringpress {

namespace {

/// The highest-priority input, as QEMU counts it: the distance of the rotated priority.
std::string chip_line(unsigned number, const Pic8259Chip& chip) {
    return fmt::format(
        "pic{}: irr={:02x} imr={:02x} isr={:02x} hprio={} irq_base={:02x} rr_sel={} elcr={:02x} fnm={}\n",
        number, chip.irr, chip.imr, chip.isr, chip.top & 7, chip.vector_base, chip.read_isr & 1, chip.elcr,
        chip.fully_nested_special & 1);
}

std::string pic(MonitorSession& session, std::string_view) {
    const Pic8259State& state = session.machine.arena().devices.pic;
    return chip_line(1, state.slave) + chip_line(0, state.master);
}

constexpr MonitorCommand kCommands[] = {
    {"info pic", "", "show PIC state", pic},
};

}  // namespace

std::span<const MonitorCommand> device_commands() {
    return kCommands;
}

}  // namespace ringpress
