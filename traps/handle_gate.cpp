// Gate sites: sensitive instructions that have trapped often enough to be worth a jump into the monitor.
//
// The jump covers five bytes, mostly more than the instruction.  What it covers is executed in software after
// the instruction itself, whenever EIP would stay inside: natively there is nothing there but traps.
#include "shadow/gate_sites.hpp"
#include "traps/dispatch.hpp"

namespace ringpress {

void Dispatcher::handle_gate(std::uint32_t site) {
    VCpu& cpu = m_.cpu;
    stop_alignment_checks(cpu);
    cause_ = TrapCause::gate;
    ++entries_;
    ++statistics_.traps[static_cast<unsigned>(cause_)];
    gva address;
    if (!shadows_.pages.site_address(site, cpu.cpl == 3, address)) {
        // Only a wild jump into the pads comes here; to the guest there is no such code.
        reflect_fault(Fault::gp(0));
        return;
    }
    cpu.eip = address.value - cpu.segment(Seg::cs).base;
    const auto insn = fetcher_.at_eip();
    if (!insn) {
        reflect_fault(insn.fault());
        return;
    }
    if (!step(*insn.value())) stuck(*insn.value());
    const InsnId first = last_insn_;
    burst(policy_.tuning.gate_burst);
    last_insn_ = first;
}

void Dispatcher::warm(std::uint32_t physical, gva address, unsigned slot, const Instruction& insn) {
    if (policy_.level != SensitiveLevel::inline_ || insn.id == InsnId::int3 || insn.id == InsnId::undefined)
        return;
    std::uint8_t& count = heat(physical);
    if (!policy_.tuning.hot || count == kNeverHot || ++count < policy_.tuning.hot) return;
    count = 0;
    // Emulation may have dropped the view, or have made another of the same frame.
    if (shadows_.views.slot_of(physical >> kPageShift) != static_cast<int>(slot)) return;
    if (!shadows_.views.proven(slot, address.offset()) || shadows_.views.copied(slot, address.offset()))
        return;
    if (shadows_.pages.breakpoint_in(slot, address.offset(), address.offset() + kSiteBytes)) return;
    if (!shadows_.pages.make_site(slot, address.offset(), trapped_user_)) return;
    ++statistics_.inlined_sites;
}

bool Dispatcher::inside_site(gva address) const {
    const MappedPage& mapped = shadows_.pages.code_page(address);
    return mapped.present() && !(mapped.bits & MappedPage::kPad) &&
           shadows_.views.covered(mapped.target(), address.offset());
}

/// True if a byte behind a site's jump was executed: something jumps there, so the site is given up for good.
bool Dispatcher::entered_site(gva address) {
    if (!inside_site(address)) return false;
    const unsigned slot = shadows_.pages.code_page(address).target();
    const std::uint32_t frame = shadows_.views.slot(slot).frame - 1;
    unsigned start = address.offset();
    while (shadows_.views.covered(slot, start)) --start;
    heat(frame << kPageShift | start) = kNeverHot;
    shadows_.pages.strip_sites(slot);
    return true;
}

/// The guest resumes behind a site's jump: in software until it is past it.
void Dispatcher::leave_site(gva address) {
    const auto insn = fetcher_.at_eip();
    if (!insn) {
        reflect_fault(insn.fault());
        return;
    }
    if (step(*insn.value())) {
        ++statistics_.burst_instructions;
        return;
    }
    shadows_.pages.strip_sites(shadows_.pages.code_page(address).target());
}

}  // namespace ringpress
