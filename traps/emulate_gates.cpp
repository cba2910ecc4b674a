// Software interrupts and the return from handlers.  SDM Vol. 2A, INT n and IRET; Vol. 3A, section 6.12.
#include "traps/emulate_common.hpp"

namespace ringpress {

namespace {

Emulated software_interrupt(Machine& m, const Instruction& insn, Vector vector, EventKind kind) {
    TRY(enter_gate(m, Event{vector, kind, false, 0}, m.cpu.eip + insn.length));
    m.cpu.shadow = InterruptShadow::none;
    return Next::jumped;
}

/// The EFLAGS bits that iret takes from the stack; `cpl` is the privilege before the return.
std::uint32_t returned_flags(const VCpu& cpu, std::uint32_t image, unsigned width) {
    using namespace eflags;
    std::uint32_t change = kArithmetic | TF | DF | NT;
    if (width == 4) change |= RF | AC | ID;
    if (cpu.cpl <= cpu.iopl()) change |= IF;
    if (cpu.cpl == 0) change |= IOPL | (width == 4 ? VIF | VIP : 0u);
    return (cpu.eflags & ~change) | (image & change) | FIXED1;
}

Emulated return_to_task(Machine& m, const Instruction& insn) {
    const std::uint32_t link = TRY(m.memory.read(gva(m.cpu.tr.base), 2, Access::read(false)));
    TRY(switch_task(m, static_cast<std::uint16_t>(link), TaskReason::iret, m.cpu.eip + insn.length, 0));
    return Next::jumped;
}

Emulated return_to_outer(Machine& m, unsigned width, const SegmentRegister& cs, const std::uint32_t* image) {
    VCpu& cpu = m.cpu;
    std::uint32_t outer[2];  // esp, ss
    TRY(peek_frame(m, 3 * width, width, 2, outer));
    const unsigned cpl = cs.rpl();
    const SegmentRegister ss = TRY(check_stack(m, static_cast<std::uint16_t>(outer[1]), cpl, Vector::GP, 0));
    if (!within_limit(cs, image[0], 1)) return Fault::gp(0);

    cpu.eflags = returned_flags(cpu, image[2], width);
    cpu.eip = image[0];
    cpu.segment(Seg::cs) = cs;
    cpu.segment(Seg::ss) = ss;
    // A 16-bit stack segment receives SP alone: the upper half of ESP shows through.
    cpu.reg(Gpr::esp) = ss.is_big() ? outer[0] : (cpu.reg(Gpr::esp) & 0xFFFF0000u) | (outer[0] & 0xFFFFu);
    drop_inner_segments(cpu, cpl);
    set_cpl(m, cpl);
    return Next::jumped;
}

Emulated interrupt_return(Machine& m, const Instruction& insn) {
    VCpu& cpu = m.cpu;
    // Even if it faults, SDM Vol. 3A, section 6.7.1.
    cpu.nmi_blocked = 0;
    if (cpu.eflags & eflags::NT) return return_to_task(m, insn);
    const unsigned width = insn.operand_size;
    std::uint32_t image[3];  // eip, cs, eflags
    TRY(peek_frame(m, 0, width, 3, image));
    // Virtual-8086 mode does not exist here; a kernel that returns to it learns so at this instruction.
    if (width == 4 && (image[2] & eflags::VM) && cpu.cpl == 0) return Fault::gp(0);

    const SegmentRegister cs = TRY(check_return_code(m, static_cast<std::uint16_t>(image[1])));
    if (cs.rpl() != cpu.cpl) return return_to_outer(m, width, cs, image);

    if (!within_limit(cs, image[0], 1)) return Fault::gp(0);
    cpu.reg(Gpr::esp) = moved_esp(cpu.segment(Seg::ss), cpu.reg(Gpr::esp), 3 * width);
    cpu.eflags = returned_flags(cpu, image[2], width);
    cpu.eip = image[0];
    cpu.segment(Seg::cs) = cs;
    return Next::jumped;
}

}  // namespace

Emulated emulate_gates(Machine& m, const Instruction& insn) {
    switch (insn.id) {
        case InsnId::int_n:
            return software_interrupt(m, insn, static_cast<Vector>(insn.immediate & 0xFFu),
                                      EventKind::software_interrupt);
        case InsnId::int3: return software_interrupt(m, insn, Vector::BP, EventKind::software_interrupt);
        case InsnId::int1: return software_interrupt(m, insn, Vector::DB, EventKind::trap);  // no DPL check
        case InsnId::into:
            if (!(m.cpu.eflags & eflags::OF)) return Next::advance;
            return software_interrupt(m, insn, Vector::OF, EventKind::software_interrupt);
        case InsnId::iret: return interrupt_return(m, insn);
        default: return Fault::ud();  // sysenter, sysexit, syscall, sysret: not in the CPU model
    }
}

}  // namespace ringpress
