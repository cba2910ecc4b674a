// Entering a handler through the IDT: reflection of the guest's faults and injection of interrupts.
// SDM Vol. 3A, chapter 6; the order of checks follows Vol. 2A, INT n.
#include "traps/emulate_common.hpp"

namespace ringpress {

namespace {

enum GateType : unsigned {
    task_gate = 0x05,
    interrupt_16 = 0x06,
    trap_16 = 0x07,
    interrupt_32 = 0x0E,
    trap_32 = 0x0F
};

/// EFLAGS bits that every handler starts without.
constexpr std::uint32_t kCleared = eflags::TF | eflags::NT | eflags::RF | eflags::VM;

Result<void> enter_task_gate(Machine& m, const Event& event, const Descriptor& gate, std::uint32_t return_eip,
                             std::uint32_t ext) {
    TRY(switch_task(m, gate_selector(gate), TaskReason::interrupt, return_eip, ext));
    if (event.has_error) TRY(push(m, 4, event.error));
    return {};
}

/// The code segment a gate leads to, and the privilege its handler will have.
Result<SegmentRegister> check_handler(Machine& m, const Descriptor& gate, std::uint32_t ext) {
    const std::uint16_t selector = gate_selector(gate);
    if (is_null(selector)) return Fault::gp(ext);
    const std::uint32_t error = selector_error(selector, ext);
    Descriptor d;
    if (!TRY(find_descriptor(m, selector, d))) return Fault::gp(error);
    SegmentRegister cs = make_segment(selector, d);
    if (!cs.is_code() || cs.dpl() > m.cpu.cpl) return Fault::gp(error);
    if (!cs.present()) return Fault::np(error);
    TRY(mark_accessed(m, selector, d));
    const unsigned cpl = cs.is_conforming_code() ? m.cpu.cpl : cs.dpl();
    cs = make_segment(with_rpl(selector, cpl), d);
    return cs;
}

/// Benign, contributory, page fault: SDM Vol. 3A, table 6-4.
enum class Severity { benign, contributory, page_fault };
Severity severity(Vector v) {
    switch (v) {
        case Vector::DE:
        case Vector::TS:
        case Vector::NP:
        case Vector::SS:
        case Vector::GP: return Severity::contributory;
        case Vector::PF: return Severity::page_fault;
        default: return Severity::benign;
    }
}

/// Table 6-5: does `second`, met while delivering `first`, make a double fault?
bool makes_double_fault(const Event& first, Vector second) {
    if (first.kind == EventKind::external_interrupt || first.kind == EventKind::software_interrupt)
        return false;
    const Severity a = severity(first.vector), b = severity(second);
    if (a == Severity::contributory) return b == Severity::contributory;
    return a == Severity::page_fault && b != Severity::benign;
}

}  // namespace

Result<void> enter_gate(Machine& m, const Event& event, std::uint32_t return_eip) {
    VCpu& cpu = m.cpu;
    const std::uint32_t vector = static_cast<std::uint32_t>(event.vector);
    const std::uint32_t ext = event.kind == EventKind::software_interrupt ? 0 : kExternal;
    const std::uint32_t idt_error = vector * 8 + kInIdt + ext;

    if (vector * 8 + 7 > cpu.idtr.limit) return Fault::gp(idt_error);
    Descriptor gate;
    const gva gate_at(cpu.idtr.base + vector * 8);
    const std::uint8_t* const ram = TRY(m.memory.span(gate_at, sizeof gate, Access::read(false)));
    if (ram)
        std::memcpy(&gate, ram, sizeof gate);
    else
        TRY(m.memory.read_bytes(gate_at, &gate, sizeof gate, Access::read(false)));

    const unsigned type = (gate.high >> 8) & 0x1Fu;
    if (type != task_gate && (type & ~9u) != interrupt_16) return Fault::gp(idt_error);
    if (event.kind == EventKind::software_interrupt && gate.dpl() < cpu.cpl) return Fault::gp(idt_error);
    if (!gate.present()) return Fault::np(idt_error);
    if (type == task_gate) return enter_task_gate(m, event, gate, return_eip, ext);

    const SegmentRegister cs = TRY(check_handler(m, gate, ext));
    const bool wide = type & 8u;
    const std::uint32_t entry = (gate.low & 0xFFFFu) | (wide ? gate.high & 0xFFFF0000u : 0u);
    const unsigned cpl = cs.rpl(), width = wide ? 4 : 2;

    const bool inner = cpl != cpu.cpl;
    const InnerStack stack =
        inner ? TRY(inner_stack(m, cpl, ext)) : InnerStack{cpu.segment(Seg::ss), cpu.reg(Gpr::esp)};
    PushFrame frame;
    if (inner) {
        frame.add(cpu.segment(Seg::ss).selector);
        frame.add(cpu.reg(Gpr::esp));
    }
    // RF keeps a retried instruction from meeting its own breakpoint again, SDM Vol. 3B, section 17.3.1.1.
    frame.add(cpu.eflags | eflags::FIXED1 | (event.kind == EventKind::fault ? eflags::RF : 0u));
    frame.add(cpu.segment(Seg::cs).selector);
    frame.add(return_eip);
    if (event.has_error) frame.add(event.error);

    if (!within_limit(cs, entry, 1)) return Fault::gp(ext);
    const std::uint32_t ss_error = inner ? selector_error(stack.ss.selector, ext) : ext;
    const std::uint32_t esp = TRY(push_frame(m, stack.ss, stack.esp, width, frame, cpl == 3, ss_error));

    cpu.segment(Seg::ss) = stack.ss;
    cpu.reg(Gpr::esp) = esp;
    cpu.segment(Seg::cs) = cs;
    cpu.eip = entry;
    cpu.eflags &= ~kCleared;
    if (!(type & 1u)) cpu.eflags &= ~eflags::IF;  // interrupt gates, as opposed to trap gates
    set_cpl(m, cpl);
    return {};
}

void deliver(Machine& m, Event event) {
    if (m.cpu.activity == Activity::halted) m.cpu.activity = Activity::running;
    m.cpu.shadow = InterruptShadow::none;
    // Each round either succeeds or comes nearer to the double fault, and that to shutdown.
    for (;;) {
        const Result<void> entered = enter_gate(m, event, m.cpu.eip);
        if (entered) return;
        const Fault& fault = entered.fault();
        if (fault.vector == Vector::PF) m.cpu.cr2 = fault.address;
        if (event.vector == Vector::DF && event.kind == EventKind::fault) {
            m.cpu.activity = Activity::shutdown;
            return;
        }
        if (makes_double_fault(event, fault.vector))
            event = {Vector::DF, EventKind::fault, true, 0};
        else
            event = {fault.vector, EventKind::fault, has_error_code(fault.vector), fault.error};
    }
}

void reflect(Machine& m, const Fault& fault) {
    if (fault.vector == Vector::PF) m.cpu.cr2 = fault.address;
    deliver(m, {fault.vector, EventKind::fault, has_error_code(fault.vector), fault.error});
}

}  // namespace ringpress
