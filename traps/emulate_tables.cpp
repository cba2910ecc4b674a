// The descriptor-table registers and the task register.  SDM Vol. 3A, section 2.4.
#include "traps/emulate_common.hpp"

namespace ringpress {

namespace {

Emulated load_table(Machine& m, const Instruction& insn, DescriptorTableRegister& table) {
    if (m.cpu.cpl != 0) return Fault::gp(0);
    const std::uint32_t at = effective_offset(m.cpu, insn);
    const std::uint32_t limit = TRY(load(m, insn.memory.segment, at, 2));
    const std::uint32_t base = TRY(load(m, insn.memory.segment, at + 2, 4));
    table.limit = static_cast<std::uint16_t>(limit);
    table.base = insn.operand_size == 4 ? base : base & 0x00FFFFFFu;
    return Next::advance;
}

/// All 32 bits of the base are stored, whatever the operand size.
Emulated store_table(Machine& m, const Instruction& insn, const DescriptorTableRegister& table) {
    const std::uint32_t at = effective_offset(m.cpu, insn);
    const gva first = TRY(linear(m.cpu, insn.memory.segment, at, 6, true));
    const Access access = Access::store(user_mode(m));
    TRY(m.memory.translate(first + 5, access));
    TRY(m.memory.write(first, 2, table.limit, access));
    TRY(m.memory.write(first + 2, 4, table.base, access));
    return Next::advance;
}

Emulated store_selector(Machine& m, const Instruction& insn, std::uint16_t selector) {
    TRY(write_rm(m, insn, insn.has_memory ? 2 : insn.operand_size, selector));
    return Next::advance;
}

/// A system descriptor of the GDT.
Result<Descriptor> read_system(Machine& m, std::uint16_t selector) {
    if (selector & 4u) return Fault::gp(selector_error(selector));
    const Descriptor d = TRY(read_descriptor(m, selector));
    if (d.is_code_or_data()) return Fault::gp(selector_error(selector));
    return d;
}

Emulated load_ldt(Machine& m, const Instruction& insn) {
    if (m.cpu.cpl != 0) return Fault::gp(0);
    const auto selector = static_cast<std::uint16_t>(TRY(read_rm(m, insn, 2)));
    if (is_null(selector)) {
        m.cpu.ldtr = {selector, 0, 0, 0};
        return Next::advance;
    }
    constexpr unsigned ldt = 2;
    const Descriptor d = TRY(read_system(m, selector));
    if (d.type() != ldt) return Fault::gp(selector_error(selector));
    if (!d.present()) return Fault::np(selector_error(selector));
    m.cpu.ldtr = make_segment(selector, d);
    return Next::advance;
}

Emulated load_task(Machine& m, const Instruction& insn) {
    if (m.cpu.cpl != 0) return Fault::gp(0);
    const auto selector = static_cast<std::uint16_t>(TRY(read_rm(m, insn, 2)));
    if (is_null(selector)) return Fault::gp(0);
    Descriptor d = TRY(read_system(m, selector));
    if (d.type() != 1 && d.type() != 9) return Fault::gp(selector_error(selector));
    if (!d.present()) return Fault::np(selector_error(selector));
    constexpr std::uint32_t busy = 1u << 9;
    TRY(write_descriptor_high(m, selector, d.high | busy));
    d.high |= busy;
    m.cpu.tr = make_segment(selector, d);
    return Next::advance;
}

}  // namespace

Emulated emulate_tables(Machine& m, const Instruction& insn) {
    switch (insn.id) {
        case InsnId::lgdt: return load_table(m, insn, m.cpu.gdtr);
        case InsnId::lidt: return load_table(m, insn, m.cpu.idtr);
        case InsnId::sgdt: return store_table(m, insn, m.cpu.gdtr);
        case InsnId::sidt: return store_table(m, insn, m.cpu.idtr);
        case InsnId::sldt: return store_selector(m, insn, m.cpu.ldtr.selector);
        case InsnId::str: return store_selector(m, insn, m.cpu.tr.selector);
        case InsnId::lldt: return load_ldt(m, insn);
        default: return load_task(m, insn);
    }
}

}  // namespace ringpress
