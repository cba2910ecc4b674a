// What a BIOS leaves in memory for those who come after it: the BIOS data area, where kernels read about
// serial ports, low memory and the screen; the extended one; the identification at the end of the ROM; a
// blank screen. Source: IBM PS/2 and PC BIOS Interface Technical Reference, section 3.
#pragma once

#include "monitor/boot/ram_layout.hpp"

namespace ringpress {

inline constexpr std::uint32_t kBiosDataArea = 0x400;
inline constexpr std::uint32_t kBiosDataSize = 0x100;

/// Writes all of it; the area at 0x400 only if the kernel was not loaded over it.  hard_disks: how many the
/// BIOS would have counted.
void write_bios_data(RamLayout& layout, unsigned hard_disks);

}  // namespace ringpress
