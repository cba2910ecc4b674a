// What a boot protocol promises the guest at its first instruction: the registers of the virtual CPU.
#pragma once

#include <cstdint>

#include "shadow/vcpu.hpp"

namespace ringpress {

/// All three protocols (Multiboot, Linux 32-bit, plain ELF) begin alike: protected mode, paging off,
/// interrupts off, every segment flat from 0 to 4 GiB.  They differ in the selectors and in the general
/// registers.
struct BootState {
    std::uint32_t gpr[8] = {};  ///< in the order of Gpr
    std::uint32_t eip = 0;      ///< linear and physical: segments are flat and paging is off
    std::uint32_t eflags = eflags::FIXED1;
    std::uint32_t cr0 = cr0::PE | cr0::ET;
    std::uint16_t code_selector = 0x08;
    std::uint16_t data_selector = 0x10;  ///< for ds, es, fs, gs and ss
    DescriptorTableRegister gdtr = {};
    DescriptorTableRegister idtr = {};  ///< empty: an exception before the guest's own lidt is a triple fault

    std::uint32_t& reg(Gpr r) { return gpr[static_cast<unsigned>(r)]; }
    std::uint32_t reg(Gpr r) const { return gpr[static_cast<unsigned>(r)]; }
};

/// Puts a virtual CPU into its state after reset and then into `state`.
void apply(const BootState& state, VCpu& cpu);

/// Descriptors of the flat segments, SDM Vol. 3A, figure 3-8: base 0, limit 4 GiB, present, DPL 0, accessed.
inline constexpr std::uint64_t kFlatCodeDescriptor = 0x00CF9B000000FFFF;
inline constexpr std::uint64_t kFlatDataDescriptor = 0x00CF93000000FFFF;

}  // namespace ringpress
