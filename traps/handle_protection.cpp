// #GP and its kin: a privileged instruction that ran natively, a segment that was clipped to fence user code
// off, or a fault that is the guest's own.
#include "traps/dispatch.hpp"

namespace ringpress {

void Dispatcher::handle_protection(std::uint8_t vector, std::uint32_t error) {
    VCpu& cpu = m_.cpu;
    if (displaced_.bounced) {  // its segment holds all of memory: a misaligned operand
        cause_ = TrapCause::reflected;
        reflect_fault({static_cast<Vector>(vector), error, 0});
        return;
    }
    if (entered_site(gva(cpu.segment(Seg::cs).base + cpu.eip))) {
        ++cpu.eip;  // as if the int3 of an unproven address had been there
        handle_breakpoint();
        return;
    }
    const auto fetched = fetcher_.at_eip();
    if (!fetched) {
        cause_ = TrapCause::reflected;
        reflect_fault(fetched.fault());
        return;
    }
    const Instruction insn = *fetched.value();
    if (insn.sensitive()) {
        emulate_at_eip(TrapCause::privileged);
        return;
    }
    if (cpu.cpl != 3 && shadows_.pages.kernel_floor()) {
        // The kernel may want a user page, which it was kept from: it tries again with all of its segments.
        cause_ = TrapCause::segment_limit;
        shadows_.pages.check_users();
        return;
    }
    if (cpu.cpl != 3 || shadows_.pages.user_boundary() >= (1ull << 32)) {
        // Host descriptors equal the guest's: the fault is the guest's, and its code holds no host selector,
        // because instructions that load selectors never run natively.
        cause_ = TrapCause::reflected;
        reflect_fault({static_cast<Vector>(vector), error, 0});
        return;
    }
    // Software knows the guest's own limits, and makes a #PF of an access that only the fence refused.
    cause_ = TrapCause::segment_limit;
    if (insn.id != InsnId::undefined && step(insn)) return;
    if (insn.has_memory || native_operand(insn).bytes) {
        const auto at = linear(cpu, native_operand_segment(insn), native_operand_offset(cpu, insn), 1, false);
        if (!at) {
            reflect_fault(at.fault());
            return;
        }
        if (at.value().value >= shadows_.pages.user_boundary()) {
            handle_data_fault(Access::read(true),
                              at.value());  // moves the boundary if the page is the user's
            return;
        }
    }
    cause_ = TrapCause::reflected;
    reflect_fault({static_cast<Vector>(vector), error, 0});
}

}  // namespace ringpress
