// Gate sites: sensitive instructions that have trapped often enough to be worth a jump into the monitor.
//
// The jump covers five bytes, mostly more than the instruction.  What it covers is executed in software after
// the instruction itself, whenever EIP would stay inside: natively there is nothing there but traps.
#include <algorithm>

#include "shadow/gate_sites.hpp"
#include "traps/dispatch.hpp"

namespace ringpress {

void Dispatcher::handle_gate(std::uint32_t site) {
    VCpu& cpu = m_.cpu;
    stop_alignment_checks(cpu);
    shadows_.stubs.collect(cpu);
    cause_ = TrapCause::gate;
    ++entries_;
    ++statistics_.traps[static_cast<unsigned>(cause_)];
    gva address;
    if (!shadows_.pages.site_address(site, cpu.cpl == 3, address)) {
        // Only a wild jump into the pads comes here; to the guest there is no such code.
        reflect_fault(Fault::gp(0));
        return;
    }
    const std::uint32_t given_up_at = shadows_.stubs.take_slow_at();
    cpu.eip = address.value + given_up_at - cpu.segment(Seg::cs).base;
    const auto insn = fetcher_.at_eip();
    if (!insn) {
        reflect_fault(insn.fault());
        return;
    }
    const Instruction first_insn = *insn.value();
    if (!given_up_at) remember_quick(site, first_insn, cpu.eip);
    if (!step(first_insn)) {
        give_up_site(address);  // it began with an instruction that software does not know
        return;
    }
    const InsnId first = last_insn_;
    // Who touches page after page gets the next fault from software, without a trap, and who flushes page
    // after page has them unmapped together: both are worth more instructions than the way back through a
    // gate.
    const bool from_fault = first == InsnId::iret && back_at_fault();
    const bool flushes = first == InsnId::invlpg && shadows_.pages.unmaps_wait();
    burst(from_fault || flushes ? policy_.tuning.burst : policy_.tuning.gate_burst);
    last_insn_ = first;
}

/// nop of one byte, lea of a register to itself, and the nop with an operand.
static bool is_padding(const Instruction& insn) {
    const MemoryOperand& m = insn.memory;
    if (insn.opcode_map == 1) return insn.opcode == 0x1F;
    if (insn.opcode_map != 0) return false;
    const bool to_itself = insn.opcode == 0x8D && m.base == static_cast<int>(insn.reg_field()) &&
                           m.index < 0 && m.displacement == 0 && insn.operand_size == 4 &&
                           insn.address_size == 4;
    return to_itself || (insn.opcode == 0x90 && insn.prefix_rep == 0);
}

void Dispatcher::remember_quick(std::uint32_t site, const Instruction& insn, std::uint32_t eip) {
    const bool user = m_.cpu.cpl == 3;
    if (!policy_.tuning.quick) return;
    QuickSite quick{site, shadows_.state.site_generation};
    quick.user = user;
    const Instruction* last = &insn;
    // A system call's site may begin with the move that names the call, or with padding.
    constexpr unsigned kMostBefore = 4;
    for (unsigned n = 0; user && n < kMostBefore && last->id == InsnId::innocuous; ++n) {
        const bool move = last->opcode_map == 0 && (last->opcode & 0xF8u) == 0xB8 && last->operand_size == 4;
        constexpr unsigned kEsp = 4;  // the frame shows it
        if (move && (quick.set_register != QuickSite::kNoRegister || (last->opcode & 7u) == kEsp)) return;
        if (move) {
            quick.set_register = static_cast<std::uint8_t>(last->opcode & 7u);
            quick.set_value = last->immediate;
        } else if (!is_padding(*last)) {
            return;
        }
        eip += last->length;
        const gva at(m_.cpu.segment(Seg::cs).base + eip);
        const auto physical = m_.memory.translate(at, Access::execute(true));
        if (!physical) return;
        const auto next = fetcher_.at(at, physical.value());
        if (!next) return;
        last = next.value();
    }
    if (user ? last->id != InsnId::int_n : last->id != InsnId::iret || last->operand_size != 4) return;
    quick.next = eip + last->length;
    quick.vector = static_cast<std::uint8_t>(last->immediate);
    quick_sites_[site % kQuickSites] = quick;
}

/// Where in its page the site of a sensitive instruction begins: where it ends with the instruction, if
/// something is known to go to what is behind.  If a short conditional jump skips it, the jump's target would
/// lie inside a site of the instruction alone, and mostly other jumps go there as well: so at an earlier
/// instruction, such that the site ends at the target, or else at the jump.
unsigned Dispatcher::site_start(gva address, std::uint32_t physical, unsigned slot, const Instruction& insn) {
    constexpr unsigned kShortJump = 2;  // 70+cc rel8
    constexpr unsigned kFarthest = kSiteBytes + 12;
    const unsigned offset = physical & kPageMask, target = offset + insn.length;
    const std::uint8_t* jump = m_.memory.ram() + (physical - kShortJump);
    const bool skipped = offset >= kShortJump && (jump[0] & 0xF0) == 0x70 && jump[1] == insn.length;
    // System calls return behind the instruction: a site that covers that place would be left in software.
    const bool returned_to = insn.id == InsnId::int_n;
    if (!skipped && !returned_to) return offset;
    const auto leads_here = [&](unsigned start) {
        if (!shadows_.views.proven(slot, start) || !shadows_.views.copied(slot, start)) return false;
        unsigned at = start;
        while (at < offset) {
            const auto next = fetcher_.at(gva(address.value - (offset - at)), gpa(physical - (offset - at)));
            if (!next || (next.value()->flow != Flow::next && next.value()->flow != Flow::jcc)) return false;
            at += next.value()->length;
        }
        return at == offset;
    };
    const auto tried = [&](unsigned start) { return heat((physical & ~kPageMask) | start) == kNeverHot; };
    unsigned back = kSiteBytes;
    while (back <= std::min(kFarthest, target) && !leads_here(target - back)) ++back;
    if (back <= std::min(kFarthest, target) && !tried(target - back)) return target - back;
    if (!skipped) return offset;
    const unsigned at_jump = offset - kShortJump;
    return leads_here(at_jump) && !tried(at_jump) ? at_jump : offset;
}

void Dispatcher::warm(std::uint32_t physical, gva address, unsigned slot, const Instruction& insn) {
    if (!may_become_gate(insn, policy_)) return;
    std::uint8_t& count = heat(physical);
    if (!policy_.tuning.hot || count == kNeverHot || ++count < policy_.tuning.hot) return;
    count = 0;
    // Emulation may have dropped the view, or have made another of the same frame.
    if (shadows_.views.slot_of(physical >> kPageShift) != static_cast<int>(slot)) return;
    if (!shadows_.views.proven(slot, address.offset()) || shadows_.views.copied(slot, address.offset()))
        return;
    const auto broken = [&](unsigned at) { return shadows_.pages.breakpoint_in(slot, at, at + kSiteBytes); };
    if (const unsigned start = site_start(address, physical, slot, insn);
        start != address.offset() && !broken(start)) {
        prover_.box(slot, start);
        if (make_site(gva(address.value - address.offset() + start), slot, physical)) return;
        heat((physical & ~kPageMask) | start) = kNeverHot;
        if (shadows_.views.slot_of(physical >> kPageShift) != static_cast<int>(slot)) return;
    }
    if (!broken(address.offset())) make_site(address, slot, physical);
}

bool Dispatcher::make_site(gva site, unsigned slot, std::uint32_t physical) {
    const unsigned offset = site.offset();
    if (!shadows_.pages.make_site(slot, offset, trapped_user_)) {
        // If it is because of a site that begins a few bytes behind, where this one's pad would end, this one
        // covers that, or goes on into it.
        bool overlaps = false;
        for (unsigned o = offset + 2; o <= offset + kPadBytes && o < kPageSize; ++o)
            overlaps |= shadows_.views.covered(slot, o) && !shadows_.views.covered(slot, o - 1);
        if (!overlaps || shadows_.views.covered(slot, offset)) return false;
        shadows_.pages.strip_sites(slot);
        if (!shadows_.pages.make_site(slot, offset, trapped_user_)) return false;
    }
    ++statistics_.inlined_sites;
    // Should the sites of the page be given up, those that are executed first shall be made first again.
    for (unsigned o = 1; o < kSiteBytes; ++o) {
        std::uint8_t& covered = heat((physical & ~kPageMask) | (offset + o));
        if (covered != kNeverHot) covered = 0;
    }
    make_stub(site, slot);
    return true;
}

bool Dispatcher::at_site(gva address) const {
    return address.offset() + 1 < kPageSize && inside_site(address + 1) && !inside_site(address);
}

/// A site, given by any of its bytes, did not work out.
void Dispatcher::give_up_site(gva address) {
    const unsigned slot = shadows_.pages.code_page(address).target();
    const std::uint32_t frame = shadows_.views.slot(slot).frame - 1;
    unsigned start = address.offset();
    while (shadows_.views.covered(slot, start)) --start;
    heat(frame << kPageShift | start) = kNeverHot;
    shadows_.pages.strip_sites(slot);
}

/// True if a byte behind a site's jump was executed: something jumps there, so the site is given up for good.
bool Dispatcher::entered_site(gva address) {
    if (!inside_site(address)) return false;
    give_up_site(address);
    return true;
}

/// The guest resumes behind a site's jump: in software until it is past it.
void Dispatcher::leave_site(gva address) {
    remember_tail(address);
    const auto insn = fetcher_.at_eip();
    if (!insn) {
        reflect_fault(insn.fault());
        return;
    }
    if (step(*insn.value())) {
        ++statistics_.burst_instructions;
        return;
    }
    give_up_site(address);
}

}  // namespace ringpress
