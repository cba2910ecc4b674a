// Segment registers moved about, and the instructions that ask questions of a descriptor.
#include "traps/emulate_common.hpp"

namespace ringpress {

namespace {

Emulated move_to_segment(Machine& m, const Instruction& insn) {
    const Seg segment = static_cast<Seg>(insn.reg_field());
    TRY(load_segment(m, segment, static_cast<std::uint16_t>(TRY(read_rm(m, insn, 2)))));
    if (segment == Seg::ss) m.cpu.shadow = InterruptShadow::mov_ss;
    return Next::advance;
}

Emulated pop_segment(Machine& m, const Instruction& insn) {
    const Seg segment = insn.named_segment();
    std::uint32_t selector = 0;
    TRY(peek_frame(m, 0, insn.operand_size, 1, &selector));
    const std::uint32_t esp = moved_esp(m.cpu.segment(Seg::ss), m.cpu.reg(Gpr::esp), insn.operand_size);
    TRY(load_segment(m, segment, static_cast<std::uint16_t>(selector)));
    m.cpu.reg(Gpr::esp) = esp;
    if (segment == Seg::ss) m.cpu.shadow = InterruptShadow::mov_ss;
    return Next::advance;
}

Emulated load_far_pointer(Machine& m, const Instruction& insn, Seg segment) {
    const std::uint32_t at = effective_offset(m.cpu, insn);
    const std::uint32_t offset = TRY(load(m, insn.memory.segment, at, insn.operand_size));
    const std::uint32_t selector = TRY(load(m, insn.memory.segment, at + insn.operand_size, 2));
    TRY(load_segment(m, segment, static_cast<std::uint16_t>(selector)));
    write_gpr(m.cpu, insn.reg_field(), insn.operand_size, offset);
    return Next::advance;
}

void set_zero_flag(VCpu& cpu, bool value) {
    cpu.eflags = value ? cpu.eflags | eflags::ZF : cpu.eflags & ~eflags::ZF;
}

/// Finds a descriptor that the current privilege may look at; false instead of a fault if it may not.
Result<bool> visible_descriptor(Machine& m, std::uint16_t selector, Descriptor& d) {
    if (!TRY(find_descriptor(m, selector, d))) return false;
    const SegmentRegister s = make_segment(selector, d);
    return s.is_conforming_code() || (m.cpu.cpl <= s.dpl() && s.rpl() <= s.dpl());
}

constexpr bool in_set(unsigned type, std::uint32_t set) {
    return (set >> type) & 1u;
}

Emulated load_rights_or_limit(Machine& m, const Instruction& insn) {
    // System types that have rights: TSS, LDT, call and task gates; and a limit: TSS and LDT.
    constexpr std::uint32_t with_rights =
        1u << 1 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 9 | 1u << 11 | 1u << 12;
    constexpr std::uint32_t with_limit = 1u << 1 | 1u << 2 | 1u << 3 | 1u << 9 | 1u << 11;
    const bool rights = insn.id == InsnId::lar;
    const auto selector = static_cast<std::uint16_t>(TRY(read_rm(m, insn, 2)));
    Descriptor d;
    bool good = TRY(visible_descriptor(m, selector, d));
    if (good && !d.is_code_or_data()) good = in_set(d.type(), rights ? with_rights : with_limit);
    if (good)
        write_gpr(m.cpu, insn.reg_field(), insn.operand_size, rights ? d.high & 0x00F0FF00u : d.limit());
    set_zero_flag(m.cpu, good);
    return Next::advance;
}

Emulated verify(Machine& m, const Instruction& insn) {
    const auto selector = static_cast<std::uint16_t>(TRY(read_rm(m, insn, 2)));
    Descriptor d;
    const bool visible = TRY(visible_descriptor(m, selector, d));
    const SegmentRegister s = make_segment(selector, d);
    set_zero_flag(m.cpu, visible && (insn.id == InsnId::verr ? s.is_readable() : s.is_writable_data()));
    return Next::advance;
}

Emulated adjust_rpl(Machine& m, const Instruction& insn) {
    const std::uint32_t destination = TRY(read_rm(m, insn, 2));
    const std::uint32_t source = read_gpr(m.cpu, insn.reg_field(), 2);
    const bool raise = (destination & 3u) < (source & 3u);
    if (raise) TRY(write_rm(m, insn, 2, (destination & ~3u) | (source & 3u)));
    set_zero_flag(m.cpu, raise);
    return Next::advance;
}

}  // namespace

Emulated emulate_segments(Machine& m, const Instruction& insn) {
    switch (insn.id) {
        case InsnId::mov_from_seg:
            TRY(write_rm(m, insn, insn.has_memory ? 2 : insn.operand_size,
                         m.cpu.segment(static_cast<Seg>(insn.reg_field())).selector));
            return Next::advance;
        case InsnId::mov_to_seg: return move_to_segment(m, insn);
        case InsnId::push_seg:
            TRY(push(m, insn.operand_size, m.cpu.segment(insn.named_segment()).selector));
            return Next::advance;
        case InsnId::pop_seg: return pop_segment(m, insn);
        case InsnId::lds: return load_far_pointer(m, insn, Seg::ds);
        case InsnId::les: return load_far_pointer(m, insn, Seg::es);
        case InsnId::lss: return load_far_pointer(m, insn, Seg::ss);
        case InsnId::lfs: return load_far_pointer(m, insn, Seg::fs);
        case InsnId::lgs: return load_far_pointer(m, insn, Seg::gs);
        case InsnId::lar:
        case InsnId::lsl: return load_rights_or_limit(m, insn);
        case InsnId::verr:
        case InsnId::verw: return verify(m, insn);
        default: return adjust_rpl(m, insn);
    }
}

}  // namespace ringpress
