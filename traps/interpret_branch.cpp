// Near control flow.  A target outside the code segment is #GP(0), with nothing changed.
#include "traps/interpret_common.hpp"

namespace ringpress {

namespace {

/// E0..E3: loopne, loope, loop, jecxz; the counter is CX or ECX by address size.
Emulated loop(Machine& m, const Instruction& insn) {
    VCpu& cpu = m.cpu;
    const unsigned width = insn.address_size, op = insn.opcode;
    std::uint32_t count = read_gpr(cpu, static_cast<unsigned>(Gpr::ecx), width);
    const bool zero = cpu.eflags & eflags::ZF;
    bool taken = false;
    if (op == 0xE3) {
        taken = count == 0;
    } else {
        count = (count - 1) & size_mask(width);
        taken = count != 0 && (op == 0xE2 || zero == (op == 0xE1));
    }
    const Emulated next =
        taken ? jump_to(m, insn, cpu.eip + insn.length + insn.immediate) : Emulated(Next::advance);
    if (next && op != 0xE3) write_gpr(cpu, static_cast<unsigned>(Gpr::ecx), width, count);
    return next;
}

Emulated call(Machine& m, const Instruction& insn, std::uint32_t target) {
    VCpu& cpu = m.cpu;
    const unsigned width = insn.operand_size;
    if (!within_limit(cpu.segment(Seg::cs), target & size_mask(width), 1)) return Fault::gp(0);
    TRY(push(m, width, cpu.eip + insn.length));
    return jump_to(m, insn, target);
}

Emulated near_return(Machine& m, const Instruction& insn) {
    VCpu& cpu = m.cpu;
    const unsigned width = insn.operand_size;
    std::uint32_t target = 0;
    TRY(peek_frame(m, 0, width, 1, &target));
    const Emulated next = jump_to(m, insn, target);
    if (!next) return next;
    const std::uint32_t released = width + (insn.opcode == 0xC2 ? insn.immediate : 0);
    cpu.reg(Gpr::esp) = moved_esp(cpu.segment(Seg::ss), cpu.reg(Gpr::esp), released);
    return next;
}

}  // namespace

Interpreted interpret_branch(Machine& m, const Instruction& insn) {
    const std::uint32_t direct = m.cpu.eip + insn.length + insn.immediate;
    const auto indirect = [&] { return read_rm(m, insn, insn.operand_size); };
    switch (insn.flow) {
        case Flow::jcc:
            if (insn.opcode_map == 0 && insn.opcode >= 0xE0) return handled(loop(m, insn));
            if (!alu::condition(insn.opcode & 15u, m.cpu.eflags)) return handled(Next::advance);
            return handled(jump_to(m, insn, direct));
        case Flow::jmp: return handled(jump_to(m, insn, direct));
        case Flow::call: return handled(call(m, insn, direct));
        case Flow::ret: return handled(near_return(m, insn));
        case Flow::jmp_indirect: {
            const Result<std::uint32_t> target = indirect();
            return handled(target ? jump_to(m, insn, target.value()) : Emulated(target.fault()));
        }
        case Flow::call_indirect: {
            const Result<std::uint32_t> target = indirect();
            return handled(target ? call(m, insn, target.value()) : Emulated(target.fault()));
        }
        default: return kNotHandled;
    }
}

}  // namespace ringpress
