#include "monitor/boot/bios_data.hpp"

#include <array>
#include <cstring>

#include "monitor/boot/memory_map.hpp"

namespace ringpress {
namespace {

using Area = std::array<std::byte, kBiosDataSize>;

template <class T>
void set(Area& area, std::uint32_t address, T value) {
    std::memcpy(area.data() + (address - kBiosDataArea), &value, sizeof value);
}

}  // namespace

void write_bios_data(RamLayout& layout, unsigned hard_disks) {
    if (!layout.try_claim(kBiosDataArea, kBiosDataArea + kBiosDataSize, "the BIOS data area")) return;
    // Addresses as in the IBM PC AT Technical Reference, section "BIOS data area".
    Area area{};
    set<std::uint16_t>(area, 0x400, 0x3F8);               // first serial port
    set<std::uint16_t>(area, 0x40E, kLowMemoryEnd >> 4);  // segment of the extended BIOS data area
    // Equipment: one serial port (bit 9), 80x25 colour text (bit 5), mouse (bit 2), numeric coprocessor (bit
    // 1).
    set<std::uint16_t>(area, 0x410, 0x0226);
    set<std::uint16_t>(area, 0x413, kLowMemoryEnd >> 10);  // low memory in KiB
    set<std::uint16_t>(area, 0x41A, 0x1E);                 // keyboard buffer: head ...
    set<std::uint16_t>(area, 0x41C, 0x1E);                 // ... and tail, relative to 0x400
    set<std::uint8_t>(area, 0x449, 3);                     // video mode 3: 80x25 text
    set<std::uint16_t>(area, 0x44A, 80);                   // columns
    set<std::uint16_t>(area, 0x44C, 0x1000);               // bytes of a screen page
    set<std::uint16_t>(area, 0x460, 0x0D0E);               // cursor: scan lines
    set<std::uint16_t>(area, 0x463, 0x3D4);                // port of the CRT controller
    set<std::uint8_t>(area, 0x475, static_cast<std::uint8_t>(hard_disks));
    set<std::uint16_t>(area, 0x480, 0x1E);  // keyboard buffer: start ...
    set<std::uint16_t>(area, 0x482, 0x3E);  // ... and end
    set<std::uint8_t>(area, 0x484, 24);     // rows - 1
    set<std::uint16_t>(area, 0x485, 16);    // scan lines of a character
    set<std::uint8_t>(area, 0x496, 0x10);   // keyboard with 101 keys
    layout.copy(kBiosDataArea, area);
    layout.store_firmware<std::uint8_t>(kLowMemoryEnd, (kVideoMemory - kLowMemoryEnd) >> 10);  // size in KiB
}

}  // namespace ringpress
