// Far jumps, calls and returns: straight to a code segment, through call gates, to tasks.
// SDM Vol. 3A, section 5.8 (privilege) and chapter 7 (tasks); Vol. 2, CALL, JMP, RET.
#include "traps/emulate_common.hpp"

namespace ringpress {

namespace {

struct FarPointer {
    std::uint32_t offset;
    std::uint16_t selector;
};

Result<FarPointer> far_pointer(Machine& m, const Instruction& insn) {
    if (!insn.has_memory) return FarPointer{insn.immediate, insn.far_selector};
    const std::uint32_t at = effective_offset(m.cpu, insn);
    const std::uint32_t offset = TRY(load(m, insn.memory.segment, at, insn.operand_size));
    const std::uint32_t selector = TRY(load(m, insn.memory.segment, at + insn.operand_size, 2));
    return FarPointer{offset, static_cast<std::uint16_t>(selector)};
}

void commit_jump(Machine& m, const SegmentRegister& cs, std::uint32_t eip) {
    m.cpu.segment(Seg::cs) = cs;
    m.cpu.eip = eip;
}

/// Return address on the current stack, then the jump.
Emulated call_same_level(Machine& m, const SegmentRegister& cs, std::uint32_t eip, unsigned width,
                         std::uint32_t return_eip) {
    VCpu& cpu = m.cpu;
    PushFrame frame;
    frame.add(cpu.segment(Seg::cs).selector);
    frame.add(return_eip);
    const SegmentRegister& ss = cpu.segment(Seg::ss);
    cpu.reg(Gpr::esp) = TRY(push_frame(m, ss, cpu.reg(Gpr::esp), width, frame, user_mode(m), 0));
    commit_jump(m, cs, eip);
    return Next::jumped;
}

/// A code segment named by the instruction itself: privilege stays what it is.
Emulated to_code(Machine& m, const Instruction& insn, const FarPointer& to, Descriptor& d) {
    const unsigned cpl = m.cpu.cpl;
    const SegmentRegister target = make_segment(to.selector, d);
    const std::uint32_t error = selector_error(to.selector);
    if (!target.is_code()) return Fault::gp(error);
    if (target.is_conforming_code() ? target.dpl() > cpl : (target.rpl() > cpl || target.dpl() != cpl))
        return Fault::gp(error);
    if (!target.present()) return Fault::np(error);
    const std::uint32_t eip = insn.operand_size == 4 ? to.offset : to.offset & 0xFFFFu;
    if (!within_limit(target, eip, 1)) return Fault::gp(0);
    TRY(mark_accessed(m, to.selector, d));
    const SegmentRegister cs = make_segment(with_rpl(to.selector, cpl), d);
    if (insn.id == InsnId::far_call)
        return call_same_level(m, cs, eip, insn.operand_size, m.cpu.eip + insn.length);
    commit_jump(m, cs, eip);
    return Next::jumped;
}

/// A call to a more privileged level: its stack, the caller's stack pointer, parameters, the return address.
Emulated call_inner(Machine& m, const SegmentRegister& cs, std::uint32_t eip, unsigned width,
                    unsigned parameters, std::uint32_t return_eip) {
    VCpu& cpu = m.cpu;
    const InnerStack stack = TRY(inner_stack(m, cs.rpl(), 0));
    std::uint32_t values[31];
    TRY(peek_frame(m, 0, width, parameters, values));
    PushFrame frame;
    frame.add(cpu.segment(Seg::ss).selector);
    frame.add(cpu.reg(Gpr::esp));
    for (unsigned i = parameters; i-- > 0;) frame.add(values[i]);
    frame.add(cpu.segment(Seg::cs).selector);
    frame.add(return_eip);
    const std::uint32_t esp =
        TRY(push_frame(m, stack.ss, stack.esp, width, frame, false, selector_error(stack.ss.selector)));
    cpu.segment(Seg::ss) = stack.ss;
    cpu.reg(Gpr::esp) = esp;
    commit_jump(m, cs, eip);
    set_cpl(m, cs.rpl());
    return Next::jumped;
}

Emulated through_call_gate(Machine& m, const Instruction& insn, const Descriptor& gate) {
    const unsigned cpl = m.cpu.cpl;
    const bool call = insn.id == InsnId::far_call, wide = gate.type() & 8u;
    const std::uint16_t selector = gate_selector(gate);
    if (is_null(selector)) return Fault::gp(0);
    Descriptor d = TRY(read_descriptor(m, selector));
    const SegmentRegister target = make_segment(selector, d);
    const std::uint32_t error = selector_error(selector);
    if (!target.is_code() || target.dpl() > cpl) return Fault::gp(error);
    if (!call && !target.is_conforming_code() && target.dpl() != cpl) return Fault::gp(error);
    if (!target.present()) return Fault::np(error);
    const std::uint32_t eip = (gate.low & 0xFFFFu) | (wide ? gate.high & 0xFFFF0000u : 0u);
    if (!within_limit(target, eip, 1)) return Fault::gp(0);
    TRY(mark_accessed(m, selector, d));

    const unsigned new_cpl = target.is_conforming_code() ? cpl : target.dpl();
    const SegmentRegister cs = make_segment(with_rpl(selector, new_cpl), d);
    if (!call) {
        commit_jump(m, cs, eip);
        return Next::jumped;
    }
    const unsigned width = wide ? 4 : 2;
    const std::uint32_t return_eip = m.cpu.eip + insn.length;
    if (new_cpl == cpl) return call_same_level(m, cs, eip, width, return_eip);
    return call_inner(m, cs, eip, width, gate.high & 31u, return_eip);
}

Emulated to_system(Machine& m, const Instruction& insn, const FarPointer& to, const Descriptor& d) {
    constexpr unsigned tss_16 = 1, call_16 = 4, task = 5, tss_32 = 9, call_32 = 12;
    const std::uint32_t error = selector_error(to.selector);
    const unsigned type = d.type();
    if (type != tss_16 && type != call_16 && type != task && type != tss_32 && type != call_32)
        return Fault::gp(error);
    if (d.dpl() < m.cpu.cpl || d.dpl() < (to.selector & 3u)) return Fault::gp(error);
    if (!d.present()) return Fault::np(error);
    if (type == call_16 || type == call_32) return through_call_gate(m, insn, d);

    const TaskReason reason = insn.id == InsnId::far_call ? TaskReason::call : TaskReason::jump;
    TRY(switch_task(m, type == task ? gate_selector(d) : to.selector, reason, m.cpu.eip + insn.length, 0));
    return Next::jumped;
}

Emulated far_return(Machine& m, const Instruction& insn) {
    VCpu& cpu = m.cpu;
    const unsigned width = insn.operand_size;
    const std::uint32_t released = insn.opcode == 0xCA ? insn.immediate : 0;
    std::uint32_t image[2];  // eip, cs
    TRY(peek_frame(m, 0, width, 2, image));
    const SegmentRegister cs = TRY(check_return_code(m, static_cast<std::uint16_t>(image[1])));
    if (!within_limit(cs, image[0], 1)) return Fault::gp(0);
    if (cs.rpl() == cpu.cpl) {
        cpu.reg(Gpr::esp) = moved_esp(cpu.segment(Seg::ss), cpu.reg(Gpr::esp), 2 * width + released);
        commit_jump(m, cs, image[0]);
        return Next::jumped;
    }
    // To an outer level: the parameters are released on both stacks.
    std::uint32_t outer[2];  // esp, ss
    TRY(peek_frame(m, 2 * width + released, width, 2, outer));
    const unsigned cpl = cs.rpl();
    const SegmentRegister ss = TRY(check_stack(m, static_cast<std::uint16_t>(outer[1]), cpl, Vector::GP, 0));
    const std::uint32_t esp =
        ss.is_big() ? outer[0] : (cpu.reg(Gpr::esp) & 0xFFFF0000u) | (outer[0] & 0xFFFFu);
    cpu.segment(Seg::ss) = ss;
    cpu.reg(Gpr::esp) = moved_esp(ss, esp, released);
    commit_jump(m, cs, image[0]);
    drop_inner_segments(cpu, cpl);
    set_cpl(m, cpl);
    return Next::jumped;
}

}  // namespace

Emulated emulate_transfers(Machine& m, const Instruction& insn) {
    if (insn.id == InsnId::far_ret) return far_return(m, insn);
    const FarPointer to = TRY(far_pointer(m, insn));
    if (is_null(to.selector)) return Fault::gp(0);
    Descriptor d = TRY(read_descriptor(m, to.selector));
    if (d.is_code_or_data()) return to_code(m, insn, to, d);
    return to_system(m, insn, to, d);
}

}  // namespace ringpress
