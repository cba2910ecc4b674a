// String instructions, one iteration per call: what remains of a rep is Next::repeat, so that every iteration
// is an instruction boundary, as the architecture has it.
#include "traps/interpret_common.hpp"

namespace ringpress {

namespace {

enum class StringOp { movs, cmps, stos, lods, scas };

StringOp which(unsigned opcode) {
    switch (opcode & 0xFEu) {
        case 0xA4: return StringOp::movs;
        case 0xA6: return StringOp::cmps;
        case 0xAA: return StringOp::stos;
        case 0xAC: return StringOp::lods;
        default: return StringOp::scas;
    }
}

Emulated run(Machine& m, const Instruction& insn) {
    VCpu& cpu = m.cpu;
    const StringOp op = which(insn.opcode);
    const unsigned width = operand_width(insn);
    const std::uint32_t mask = size_mask(insn.address_size);
    const bool rep = insn.prefix_rep != 0;
    if (rep && (cpu.reg(Gpr::ecx) & mask) == 0) return Next::advance;

    const Seg source = insn.has_override ? insn.override_segment : Seg::ds;
    const std::uint32_t esi = cpu.reg(Gpr::esi) & mask, edi = cpu.reg(Gpr::edi) & mask;
    std::uint32_t flags = cpu.eflags;
    switch (op) {
        case StringOp::movs: TRY(store(m, Seg::es, edi, width, TRY(load(m, source, esi, width)))); break;
        case StringOp::cmps: {
            const std::uint32_t first = TRY(load(m, source, esi, width));
            alu::cmp(first, TRY(load(m, Seg::es, edi, width)), width, flags);
            break;
        }
        case StringOp::stos: TRY(store(m, Seg::es, edi, width, read_gpr(cpu, 0, width))); break;
        case StringOp::lods: write_gpr(cpu, 0, width, TRY(load(m, source, esi, width))); break;
        case StringOp::scas:
            alu::cmp(read_gpr(cpu, 0, width), TRY(load(m, Seg::es, edi, width)), width, flags);
            break;
    }
    cpu.eflags = flags;
    const std::uint32_t by = flags & eflags::DF ? 0u - width : width;
    const auto step = [&](Gpr r, std::uint32_t n) {
        cpu.reg(r) = (cpu.reg(r) & ~mask) | ((cpu.reg(r) + n) & mask);
    };
    if (op == StringOp::movs || op == StringOp::cmps || op == StringOp::lods) step(Gpr::esi, by);
    if (op != StringOp::lods) step(Gpr::edi, by);
    if (!rep) return Next::advance;

    step(Gpr::ecx, 0u - 1u);
    if ((cpu.reg(Gpr::ecx) & mask) == 0) return Next::advance;
    if (op == StringOp::cmps || op == StringOp::scas) {
        const bool while_equal = insn.prefix_rep == 0xF3, equal = flags & eflags::ZF;
        if (equal != while_equal) return Next::advance;
    }
    return Next::repeat;
}

}  // namespace

Interpreted interpret_string(Machine& m, const Instruction& insn) {
    return handled(run(m, insn));
}

}  // namespace ringpress
