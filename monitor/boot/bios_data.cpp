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

/// Addresses as in the IBM PC AT Technical Reference, section "BIOS data area".
Area data_area(unsigned hard_disks) {
    Area area{};
    set<std::uint16_t>(area, 0x400, 0x3F8);               // first serial port
    set<std::uint16_t>(area, 0x40E, kLowMemoryEnd >> 4);  // segment of the extended BIOS data area
    // Equipment: one serial port (bits 11-9), a display adapter with a BIOS of its own (bits 5-4 clear: EGA
    // or VGA), numeric coprocessor (bit 1); no mouse (bit 2).
    set<std::uint16_t>(area, 0x410, 0x0202);
    set<std::uint16_t>(area, 0x413, kLowMemoryEnd >> 10);  // low memory in KiB
    set<std::uint16_t>(area, 0x41A, 0x1E);                 // keyboard buffer: head ...
    set<std::uint16_t>(area, 0x41C, 0x1E);                 // ... and tail, relative to 0x400
    set<std::uint8_t>(area, 0x449, 3);                     // video mode 3: 80x25 text
    set<std::uint16_t>(area, 0x44A, 80);                   // columns
    set<std::uint16_t>(area, 0x44C, 0x1000);               // bytes of a screen page
    set<std::uint16_t>(area, 0x460, 0x0D0E);               // cursor: scan lines
    set<std::uint16_t>(area, 0x463, 0x3D4);                // port of the CRT controller
    set<std::uint8_t>(area, 0x465, 0x29);                  // a CGA's mode register for this mode ...
    set<std::uint8_t>(area, 0x466, 0x30);                  // ... and its palette register
    set<std::uint8_t>(area, 0x475, static_cast<std::uint8_t>(hard_disks));
    set<std::uint16_t>(area, 0x480, 0x1E);  // keyboard buffer: start ...
    set<std::uint16_t>(area, 0x482, 0x3E);  // ... and end
    set<std::uint8_t>(area, 0x484, 24);     // rows - 1
    set<std::uint16_t>(area, 0x485, 16);    // scan lines of a character
    set<std::uint8_t>(area, 0x487, 0x60);   // VGA: 256 KiB, active
    set<std::uint8_t>(area, 0x488, 0xF9);   // VGA: switches for a colour monitor
    set<std::uint8_t>(area, 0x489, 0x11);   // VGA: on, 400 scan lines
    set<std::uint8_t>(area, 0x496, 0x10);   // keyboard with 101 keys
    return area;
}

/// The last 16 bytes below 1 MiB: a far jump at the reset vector, the BIOS' date, the model.
constexpr std::array<std::uint8_t, 16> kRomEnd{0xEA, 0x5B, 0xE0, 0x00, 0xF0,  // jmp F000:E05B
                                               '0',  '6',  '/',  '2',  '3',
                                               '/',  '9',  '9',  0x00,  // date, as QEMU's BIOS
                                               0xFC,                    // an AT
                                               0x00};

constexpr std::uint32_t kTextScreen = 0xB8000;
constexpr std::uint16_t kBlank = 0x0720;  ///< a space, light grey on black

}  // namespace

void write_bios_data(RamLayout& layout, unsigned hard_disks) {
    if (layout.try_claim(kBiosDataArea, kBiosDataArea + kBiosDataSize, "the BIOS data area"))
        layout.copy(kBiosDataArea, data_area(hard_disks));
    layout.store_firmware<std::uint8_t>(kLowMemoryEnd, (kVideoMemory - kLowMemoryEnd) >> 10);  // size in KiB
    layout.store_firmware(kHighMemory - kRomEnd.size(), kRomEnd);
    std::array<std::uint16_t, 0x4000> screen;
    screen.fill(kBlank);
    layout.store_firmware(kTextScreen, screen);
}

}  // namespace ringpress
