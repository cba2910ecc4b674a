#include "monitor/devices/bios_data.hpp"

#include <cstring>

#include "shadow/check.hpp"

namespace ringpress {

void write_bios_data(std::span<std::uint8_t> ram, unsigned hard_disks) {
    CHECK(ram.size() >= 0x100000);
    std::uint8_t* const m = ram.data();
    const auto byte = [m](std::uint32_t at, unsigned value) { m[at] = static_cast<std::uint8_t>(value); };
    const auto word = [&byte](std::uint32_t at, unsigned value) {
        byte(at, value);
        byte(at + 1, value >> 8);
    };

    std::memset(m + 0x400, 0, 0x100);
    word(0x400, 0x3F8);       // COM1
    word(0x40E, kEbda >> 4);  // segment of the EBDA
    word(0x410, 0x0202);      // equipment: FPU, one serial port, EGA/VGA
    word(0x413, kEbda / 1024);
    word(0x41A, 0x1E);        // keyboard buffer: head and tail, both at its start
    word(0x41C, 0x1E);
    byte(0x449, 3);           // video mode: 80x25 colour text
    word(0x44A, 80);          // columns
    word(0x44C, 0x1000);      // bytes of a screen page
    byte(0x460, 0x0E);        // cursor shape, last and first line
    byte(0x461, 0x0D);
    word(0x463, 0x3D4);       // CRTC
    byte(0x465, 0x29);        // CGA mode control: what it would be
    byte(0x466, 0x30);
    byte(0x475, hard_disks);
    word(0x480, 0x1E);        // keyboard buffer: bounds
    word(0x482, 0x3E);
    byte(0x484, 24);          // rows less one
    word(0x485, 16);          // lines of a character
    byte(0x487, 0x60);        // VGA with 256 KiB, active
    byte(0x488, 0xF9);
    byte(0x489, 0x11);
    byte(0x496, 0x10);        // enhanced keyboard

    std::memset(m + kEbda, 0, 1024);
    byte(kEbda, 1);  // its size in KiB

    // Text screen: blanks in light grey on black.
    for (std::uint32_t at = 0xB8000; at < 0xB8000 + 0x8000; at += 2) word(at, 0x0720);

    static constexpr std::uint8_t kResetVector[5] = {0xEA, 0x5B, 0xE0, 0x00, 0xF0};  // jmp F000:E05B
    std::memcpy(m + 0xFFFF0, kResetVector, sizeof kResetVector);
    std::memcpy(m + 0xFFFF5, "06/23/99", 8);  // the date that QEMU's BIOS shows
    byte(0xFFFFE, 0xFC);                      // model: AT
    byte(0xFFFFF, 0);
}

}  // namespace ringpress
