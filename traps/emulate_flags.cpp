// cli, sti, pushf, popf: the instructions that meet IF and IOPL.  SDM Vol. 2, and Vol. 1, section 3.4.3.
#include "traps/emulate_common.hpp"

namespace ringpress {

namespace {

Emulated popf(Machine& m, const Instruction& insn) {
    using namespace eflags;
    VCpu& cpu = m.cpu;
    const std::uint32_t image = TRY(pop(m, insn.operand_size));
    // Without a fault popf leaves alone what the privilege may not change.
    std::uint32_t change = kArithmetic | TF | DF | NT;
    if (cpu.cpl <= cpu.iopl()) change |= IF;
    if (cpu.cpl == 0) change |= IOPL;
    if (insn.operand_size == 4) change |= AC | ID;
    cpu.eflags = (((cpu.eflags & ~change) | (image & change)) & ~RF) | FIXED1;
    return Next::advance;
}

}  // namespace

Emulated emulate_flags(Machine& m, const Instruction& insn) {
    VCpu& cpu = m.cpu;
    switch (insn.id) {
        case InsnId::cli:
            if (cpu.cpl > cpu.iopl()) return Fault::gp(0);
            cpu.eflags &= ~eflags::IF;
            return Next::advance;
        case InsnId::sti:
            if (cpu.cpl > cpu.iopl()) return Fault::gp(0);
            // The instruction after sti still runs uninterrupted, if IF was clear.
            if (!cpu.interrupts_enabled()) cpu.shadow = InterruptShadow::sti;
            cpu.eflags |= eflags::IF;
            return Next::advance;
        case InsnId::pushf:
            TRY(push(m, insn.operand_size, (cpu.eflags & ~(eflags::RF | eflags::VM)) | eflags::FIXED1));
            return Next::advance;
        default: return popf(m, insn);
    }
}

}  // namespace ringpress
