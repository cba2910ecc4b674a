// Native stubs: made where a sensitive instruction is hot, left wherever the guest is interrupted in one.
#include <cstring>

#include "shadow/check.hpp"
#include "traps/dispatch.hpp"
#include "traps/emulate_common.hpp"

namespace ringpress {

/// Stubs reach the virtual CPU through a flat stack segment, and are written for flat code at CPL 0.
bool Dispatcher::stubs_work() const {
    const VCpu& cpu = m_.cpu;
    return cpu.cpl == 0 && cpu.segment(Seg::cs).is_flat() && cpu.segment(Seg::ss).is_flat();
}

/// The stub for the site at `site`, anew from the guest's own bytes; false if there is none.
bool Dispatcher::compose_stub(gva site, const ShadowPages::StubPlace& place, Stub& into) {
    constexpr unsigned kMost = 12, kLongestInstruction = 15;
    Instruction insns[kMost];
    unsigned count = 0, length = 0, slow_from = kMost, stubs = 0;
    const auto t = walk(m_.cpu, m_.memory.ram(), m_.memory.size(), site, Access::execute(false), false);
    if (!t || !m_.memory.is_ram(t.value().physical)) return false;
    const int slot = shadows_.views.slot_of(t.value().physical.page());
    if (slot < 0) return false;
    // As far as the pad, in whose way another site cannot begin, the first sensitive instruction, and the one
    // behind sti, which no interrupt may come before.
    while (length < kPadBytes || !stubs || insns[count - 1].id == InsnId::sti) {
        if (count == kMost || site.offset() + length + kLongestInstruction > kPageSize) return false;
        const auto fetched = fetcher_.at(site + length, t.value().physical + length);
        if (!fetched) return false;
        const Instruction& insn = insns[count] = *fetched.value();
        const gva at = site + length;
        const bool breaks =
            shadows_.pages.breakpoint_in(static_cast<unsigned>(slot), at.offset(), at.offset() + insn.length);
        const bool runs = insn.sensitive() ? may_become_stub(insn) && !policy_.leaves_open(insn.id, at.value)
                                           : may_run_natively(insn, m_.cpu, policy_, at) == Native::yes;
        if (insn.fpu != FpuUse::none) shadows_.views.slot(static_cast<unsigned>(slot)).has_fpu = 1;
        if (runs && insn.sensitive()) ++stubs;
        length += insn.length;
        if (!runs || breaks) {
            slow_from = count++;
            break;
        }
        ++count;
        if (insn.flow != Flow::next && insn.flow != Flow::jcc) break;
    }
    if (!stubs) return false;
    write_stub({place.cell, site.value, place.data, place.landing}, insns, count, slow_from, into);
    return into.length != 0;
}

/// The site was made just now.
void Dispatcher::make_stub(gva site, unsigned slot) {
    if (!policy_.tuning.stubs || !stubs_work()) return;
    const auto place = shadows_.pages.stub_place(slot, site.offset());
    if (!place) return;
    Stub stub;
    if (!compose_stub(site, *place, stub)) return;
    shadows_.pages.install_stub(slot, *place, stub.code, stub.length);
    ++statistics_.stub_sites;
}

/// True if the instruction, which a burst has come to, has a stub, or is hot enough to get one now: it runs
/// natively then.
bool Dispatcher::stub_pays(gva address, const Instruction& insn) {
    if (!insn.sensitive() || !may_become_stub(insn)) return false;
    if (shadows_.pages.leads_to_stub(address)) return true;
    const MappedPage& mapped = shadows_.pages.code_page(address);
    if (!mapped.present() || (mapped.bits & MappedPage::kPad) || !policy_.tuning.stubs) return false;
    const unsigned slot = mapped.target(), offset = address.offset();
    if (shadows_.views.covered(slot, offset)) return false;
    if (!shadows_.views.proven(slot, offset)) prover_.prove(address, slot);
    if (shadows_.pages.code_page(address).target() != slot) return false;
    warm((shadows_.views.slot(slot).frame - 1) << kPageShift | offset, address, slot, insn);
    return shadows_.pages.leads_to_stub(address);
}

/// The guest was interrupted: what stubs have done becomes the virtual CPU's, and if it was in the middle of
/// one, or on the way there, it finds itself between two of its own instructions.
void Dispatcher::leave_stub() {
    VCpu& cpu = m_.cpu;
    Stubs& stubs = shadows_.stubs;
    stubs.collect(cpu);
    const gva address = linear_eip();
    gva site;
    ShadowPages::StubPlace place;
    // A pad has done nothing yet, and may be gone when the guest comes back.
    if (shadows_.pages.site_behind_pad(address, site)) cpu.eip = site.value - cpu.segment(Seg::cs).base;
    // User code may have come into one, too, but not far: see Dispatcher::wide_code().
    if (!shadows_.pages.stub_at(address, site, place)) return;
    Stub stub;
    if (!compose_stub(site, place, stub)) return;
    const StubPoint* const point = stub.point(address.value - place.cell);
    if (!point) return;  // a wild jump: there is no such code
    resume_at(*point, stubs, cpu);
    if (point->shadow) shadow_eip_ = cpu.eip;
    if (!point->flags_lost) return;
    const auto insn = fetcher_.at_eip();
    if (insn) step(*insn.value());
}

void Dispatcher::publish_to_stubs(const SegmentContext& context, const Entry& entry) {
    const VCpu& cpu = m_.cpu;
    Stubs& stubs = shadows_.stubs;
    if (segments_loaded_) [[unlikely]]
        for (const Seg which : {Seg::es, Seg::ds, Seg::fs, Seg::gs})
            if (segments_loaded_ & 1u << static_cast<unsigned>(which)) remember_selector(which);
    segments_loaded_ = 0;
    if (cpu.cpl == 0) {
        if (!stubs_work()) shadows_.pages.strip_stubs();
        const gva null_descriptor = shadows_.pages.stub_data() + offsetof(StubState, null_descriptor);
        stubs.settle_selectors(cpu, shadows_.descriptors, context, null_descriptor);
        // With IF set nothing waits, or it would have been delivered.
        stubs.publish(cpu, entry.eflags, entry.selectors,
                      !cpu.interrupts_enabled() && m_.bus.interrupt_pending());
    } else if (cpu.cpl != 3) {
        shadows_.pages.strip_stubs();
    }
}

void Dispatcher::remember_selector(Seg which) {
    const SegmentRegister& segment = m_.cpu.segment(which);
    const std::uint16_t selector = segment.selector;
    const std::uint16_t host = shadows_.descriptors.selector(segment, Seg::ds, 0, shadows_.stubs.context());
    if (is_null(selector)) return shadows_.stubs.remember_null(selector, host);
    Descriptor d;
    const auto found = find_descriptor(m_, selector, d);
    if (!found || !found.value()) return;
    const std::uint32_t table = selector & 4u ? m_.cpu.ldtr.base : m_.cpu.gdtr.base;
    shadows_.stubs.remember(segment, gva(table + (selector & 0xFFF8u)), d.low, d.high, host);
}

}  // namespace ringpress
