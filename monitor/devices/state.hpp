// The state of all devices, as one plain struct in the arena: a snapshot of the machine's devices is a copy
// of it.
#pragma once

#include <cstdint>
#include <type_traits>

#include "monitor/devices/i8042.hpp"
#include "monitor/devices/ide.hpp"
#include "monitor/devices/io_apic.hpp"
#include "monitor/devices/local_apic.hpp"
#include "monitor/devices/pic8259.hpp"
#include "monitor/devices/pit8254.hpp"
#include "monitor/devices/rtc_mc146818.hpp"
#include "monitor/devices/uart16550.hpp"
#include "monitor/devices/vga_text.hpp"

namespace ringpress {

struct DeviceState {
    Nanoseconds now = 0;             ///< guest time up to which the devices have been brought
    std::int64_t epoch_seconds = 0;  ///< Unix time at guest time 0
    std::uint32_t irq_levels = 0;    ///< bit n: ISA IRQ n, as its device drives it
    Pic8259State pic;
    Pit8254State pit;
    RtcState rtc;
    Uart16550State com1;
    I8042State i8042;
    LocalApicState local_apic;
    IoApicState io_apic;
    VgaTextState vga;
    IdeState ide[2];
};
static_assert(std::is_trivially_copyable_v<DeviceState> && std::is_standard_layout_v<DeviceState>);
static_assert(sizeof(DeviceState) < 64 * 1024);

}  // namespace ringpress
