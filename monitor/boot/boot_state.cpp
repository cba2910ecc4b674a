#include "monitor/boot/boot_state.hpp"

#include <algorithm>

namespace ringpress {
namespace {

/// The hidden part that loading a selector of one of the flat descriptors leaves, see SegmentRegister.
SegmentRegister flat(std::uint16_t selector, std::uint64_t descriptor) {
    const auto high = static_cast<std::uint32_t>(descriptor >> 32);
    SegmentRegister segment;
    segment.selector = selector;
    segment.attributes = static_cast<std::uint16_t>((high >> 8) & 0xF0FF);
    segment.base = 0;
    segment.limit = 0xFFFFFFFF;
    return segment;
}

}  // namespace

void apply(const BootState& state, VCpu& cpu) {
    cpu = VCpu{};
    std::copy_n(state.gpr, 8, cpu.gpr);
    cpu.eip = state.eip;
    cpu.eflags = state.eflags | eflags::FIXED1;
    cpu.cr0 = state.cr0;
    cpu.gdtr = state.gdtr;
    cpu.idtr = state.idtr;
    for (Seg s : {Seg::es, Seg::ss, Seg::ds, Seg::fs, Seg::gs})
        cpu.segment(s) = flat(state.data_selector, kFlatDataDescriptor);
    cpu.segment(Seg::cs) = flat(state.code_selector, kFlatCodeDescriptor);
    // After reset LDTR and TR are usable registers with null selectors: present, LDT and busy 32-bit TSS.
    // SDM Vol. 3A, table 9-1.
    cpu.ldtr = {0, 0x0082, 0, 0xFFFF};
    cpu.tr = {0, 0x008B, 0, 0xFFFF};
    cpu.cpl = 0;
}

}  // namespace ringpress
