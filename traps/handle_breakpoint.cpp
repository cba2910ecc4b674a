// An int3 of the code view was executed: the address is unproven, or what is there must not run natively.
#include "shadow/check.hpp"
#include "traps/dispatch.hpp"

namespace ringpress {

/// The view slot behind `address`, made and mapped if need be; -1 if the host cannot map it there.
int Dispatcher::view_of(gva address, const Translation& t) {
    const std::uint32_t frame = t.physical.page();
    const int slot = shadows_.views.slot_of(frame);
    const MappedPage& mapped = shadows_.pages.code_page(address);
    if (slot < 0 || !mapped.present() || mapped.target() != static_cast<unsigned>(slot)) {
        if (!shadows_.pages.map_code(address, t)) return -1;
        if (m_.cpu.cpl == 3) shadows_.pages.map_views_around(address);
    }
    return shadows_.views.slot_of(frame);
}

/// Where code at `address` lies in RAM; nothing if it cannot be fetched from there and has been dealt with.
std::optional<Translation> Dispatcher::executable(gva address) {
    const Access access = Access::execute(m_.cpu.cpl == 3);
    const auto t = walk(m_.cpu, m_.memory.ram(), m_.memory.size(), address, access, true);
    if (!t) {
        cause_ = TrapCause::true_fault;
        reflect_fault(t.fault());
        return std::nullopt;
    }
    if (!m_.memory.is_ram(t.value().physical)) {
        interpret_at_eip(TrapCause::mmio);
        return std::nullopt;
    }
    return t.value();
}

void Dispatcher::handle_breakpoint() {
    VCpu& cpu = m_.cpu;
    --cpu.eip;  // a trap: the hardware has stepped over the CC
    const gva address(cpu.segment(Seg::cs).base + cpu.eip);
    const bool user = cpu.cpl == 3;
    gva site;
    if (shadows_.pages.site_behind_pad(address, site)) {  // the pad of another view was still mapped
        cpu.eip = site.value - cpu.segment(Seg::cs).base;
        emulate_at_eip(TrapCause::patched);
        return;
    }
    if (user && policy_.user_code_direct) {  // the guest's own, in RAM
        emulate_at_eip(TrapCause::privileged);
        return;
    }
    const std::optional<Translation> found = executable(address);
    if (!found) return;
    if (stop_at_breakpoint(address)) return;
    const Translation& t = *found;
    const int view = view_of(address, t);
    if (view < 0) {
        interpret_at_eip(TrapCause::mmio);
        return;
    }
    const auto slot = static_cast<unsigned>(view);
    const unsigned offset = address.offset();
    if (!shadows_.views.proven(slot, offset)) {
        prover_.prove(address, slot);
        if (shadows_.views.copied(slot, offset)) {
            cause_ = TrapCause::prove;
            return;
        }
    }
    const auto insn = fetcher_.at(address, t.physical);
    if (!insn) {
        cause_ = TrapCause::true_fault;
        reflect_fault(insn.fault());
        return;
    }
    const Instruction first_insn = *insn.value();
    if (!first_insn.sensitive() && may_run_natively(first_insn, cpu, policy_) == Native::yes) {
        // What kept it from running natively, a gate site or another copy, may be gone.
        prover_.prove(address, slot);
        if (shadows_.views.copied(slot, offset)) {
            cause_ = TrapCause::prove;
            return;
        }
    }
    cause_ = TrapCause::patched;
    if (!step(first_insn)) {
        // Boxed by an overlapping copy that may be gone by now.
        prover_.prove(address, slot);
        if (!shadows_.views.copied(slot, offset)) displace(first_insn, false);
        return;
    }
    const InsnId first = last_insn_;
    warm(t.physical.value, address, slot, first_insn);
    burst(policy_.tuning.burst);
    last_insn_ = first;
}

}  // namespace ringpress
