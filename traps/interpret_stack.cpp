// push, pop, pusha, popa, enter, leave.
#include "traps/interpret_common.hpp"

namespace ringpress {

namespace {

/// 8F: the destination's address is computed with ESP already raised, SDM Vol. 2B, POP.
Emulated pop_rm(Machine& m, const Instruction& insn) {
    const unsigned width = insn.operand_size;
    const std::uint32_t before = m.cpu.reg(Gpr::esp);
    const std::uint32_t value = TRY(pop(m, width));
    const Result<void> stored = write_rm(m, insn, width, value);
    if (stored) return Next::advance;
    m.cpu.reg(Gpr::esp) = before;
    return stored.fault();
}

Emulated push_all(Machine& m, unsigned width) {
    VCpu& cpu = m.cpu;
    PushFrame frame;
    for (std::uint32_t r : cpu.gpr) frame.add(r);  // eax first; ESP as it was before
    std::uint32_t& esp = cpu.reg(Gpr::esp);
    esp = TRY(push_frame(m, cpu.segment(Seg::ss), esp, width, frame, user_mode(m), 0));
    return Next::advance;
}

Emulated pop_all(Machine& m, unsigned width) {
    VCpu& cpu = m.cpu;
    std::uint32_t values[8];  // edi first
    TRY(peek_frame(m, 0, width, 8, values));
    for (unsigned i = 0; i < 8; ++i)
        if (static_cast<Gpr>(7 - i) != Gpr::esp) write_gpr(cpu, 7 - i, width, values[i]);
    cpu.reg(Gpr::esp) = moved_esp(cpu.segment(Seg::ss), cpu.reg(Gpr::esp), 8 * width);
    return Next::advance;
}

/// enter, SDM Vol. 2A.  Besides the caller's frame, a nesting level above 0 pushes those of the procedures
/// around it, and its own.
Result<void> push_frames(Machine& m, const Instruction& insn) {
    VCpu& cpu = m.cpu;
    const SegmentRegister& ss = cpu.segment(Seg::ss);
    const unsigned width = insn.operand_size, level = insn.far_selector % 32u;
    std::uint32_t outer = cpu.reg(Gpr::ebp);
    TRY(push(m, width, outer));
    const std::uint32_t frame = cpu.reg(Gpr::esp);
    for (unsigned i = 1; i < level; ++i) {
        outer = moved_esp(ss, outer, 0u - width);
        TRY(push(m, width, TRY(load(m, Seg::ss, ss.is_big() ? outer : outer & 0xFFFFu, width))));
    }
    if (level) TRY(push(m, width, frame));
    write_gpr(cpu, static_cast<unsigned>(Gpr::ebp), width, frame);
    cpu.reg(Gpr::esp) = moved_esp(ss, cpu.reg(Gpr::esp), 0u - insn.immediate);
    return {};
}

Emulated enter(Machine& m, const Instruction& insn) {
    const std::uint32_t before = m.cpu.reg(Gpr::esp);
    const Result<void> pushed = push_frames(m, insn);
    if (pushed) return Next::advance;
    m.cpu.reg(Gpr::esp) = before;
    return pushed.fault();
}

Emulated leave(Machine& m, unsigned width) {
    VCpu& cpu = m.cpu;
    const SegmentRegister& ss = cpu.segment(Seg::ss);
    const std::uint32_t ebp = cpu.reg(Gpr::ebp);
    const std::uint32_t saved = TRY(load(m, Seg::ss, ss.is_big() ? ebp : ebp & 0xFFFFu, width));
    const std::uint32_t esp = ss.is_big() ? ebp : (cpu.reg(Gpr::esp) & 0xFFFF0000u) | (ebp & 0xFFFFu);
    cpu.reg(Gpr::esp) = moved_esp(ss, esp, width);
    write_gpr(cpu, static_cast<unsigned>(Gpr::ebp), width, saved);
    return Next::advance;
}

}  // namespace

Interpreted interpret_stack(Machine& m, const Instruction& insn) {
    const unsigned op = insn.opcode, width = insn.operand_size;
    const auto run = [&]() -> Emulated {
        if (op >= 0x50 && op <= 0x57) {
            TRY(push(m, width, read_gpr(m.cpu, op & 7u, width)));
        } else if (op >= 0x58 && op <= 0x5F) {
            write_gpr(m.cpu, op & 7u, width, TRY(pop(m, width)));
        } else if (op == 0x68 || op == 0x6A) {
            TRY(push(m, width, insn.immediate));
        } else {
            TRY(push(m, width, TRY(read_rm(m, insn, width))));  // FF /6
        }
        return Next::advance;
    };
    switch (op) {
        case 0x60: return handled(push_all(m, width));
        case 0x61: return handled(pop_all(m, width));
        case 0x68:
        case 0x6A: return handled(run());
        case 0x8F: return handled(pop_rm(m, insn));
        case 0xC8: return handled(enter(m, insn));
        case 0xC9: return handled(leave(m, width));
        case 0xFF: return insn.reg_field() == 6 ? handled(run()) : kNotHandled;
        default: return op >= 0x50 && op <= 0x5F ? handled(run()) : kNotHandled;
    }
}

}  // namespace ringpress
