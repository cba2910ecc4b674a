// The setup header of a Linux bzImage: Documentation/x86/boot.rst of the kernel, "The Real-Mode Kernel
// Header".
#pragma once

#include <cstdint>

#include "monitor/boot/image_reader.hpp"

namespace ringpress {

/// Offsets of the setup header, the same in the file and in the zero page (boot.rst, "The Real-Mode Kernel
/// Header").
namespace setup {
inline constexpr std::uint32_t kHdrS = 0x53726448;  ///< "HdrS"
inline constexpr std::uint32_t kSector = 512;

enum : std::uint32_t {
    setup_sects = 0x1F1,
    syssize = 0x1F4,
    vid_mode = 0x1FA,
    boot_flag = 0x1FE,
    jump = 0x200,
    header = 0x202,
    version = 0x206,
    type_of_loader = 0x210,
    loadflags = 0x211,
    code32_start = 0x214,
    ramdisk_image = 0x218,
    ramdisk_size = 0x21C,
    cmd_line_ptr = 0x228,
    initrd_addr_max = 0x22C,
    kernel_alignment = 0x230,
    relocatable_kernel = 0x234,
    xloadflags = 0x236,
    cmdline_size = 0x238,
    payload_offset = 0x248,
    payload_length = 0x24C,
    pref_address = 0x258,
    init_size = 0x260,
};
inline constexpr std::uint8_t kLoadedHigh = 1, kKernel64 = 1;
inline constexpr std::uint8_t kUnknownLoader = 0xFF;
inline constexpr std::uint16_t kNormalVideoMode = 0xFFFF;

/// Where in a bzImage the protected-mode code begins: behind the boot sector and the setup sectors.
inline std::uint32_t code_offset(Image image) {
    const std::uint32_t sectors = field<std::uint8_t>(image, setup_sects);
    return ((sectors == 0 ? 4 : sectors) + 1) * kSector;
}
}  // namespace setup

}  // namespace ringpress
