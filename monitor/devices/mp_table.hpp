// The tables by which a BIOS tells of the local APIC and the I/O APIC.
// Source: Intel MultiProcessor Specification 1.4 (order 242016), chapter 4.
#pragma once

#include <cstdint>
#include <span>

#include "traps/machine.hpp"

namespace ringpress {

/// Where the floating pointer structure is put; the configuration table follows it.
inline constexpr std::uint32_t kMpFloatingPointer = 0xF5A00;

/// Writes both into guest RAM, which must reach 1 MiB.  One processor (features from the model), one ISA bus,
/// one I/O APIC with ISA IRQ 0 at input 2, ExtINT at LINT0 and NMI at LINT1.
void write_mp_table(std::span<std::uint8_t> ram, const CpuModel& model);

}  // namespace ringpress
