// The BIOS data area: what kernels read to learn about serial ports, the size of low memory and the screen.
#pragma once

#include "monitor/boot/ram_layout.hpp"

namespace ringpress {

inline constexpr std::uint32_t kBiosDataArea = 0x400;
inline constexpr std::uint32_t kBiosDataSize = 0x100;

/// Writes the area at 0x400, unless the kernel was loaded over it, and the size byte of the extended one at
/// kLowMemoryEnd.  hard_disks: how many the BIOS would have counted.
void write_bios_data(RamLayout& layout, unsigned hard_disks);

}  // namespace ringpress
