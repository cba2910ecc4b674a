// What a BIOS leaves in memory for those who come after it: the BIOS data area, the extended one, and the
// identification at the end of the ROM.  Source: IBM PS/2 and PC BIOS Interface Technical Reference,
// section 3.
#pragma once

#include <cstdint>
#include <span>

namespace ringpress {

/// The extended BIOS data area, one KiB below 640 KiB; conventional memory ends here.
inline constexpr std::uint32_t kEbda = 0x9FC00;

/// Writes the areas into guest RAM, which must reach 1 MiB.  hard_disks: how many IDE disks the BIOS would
/// count.
void write_bios_data(std::span<std::uint8_t> ram, unsigned hard_disks);

}  // namespace ringpress
