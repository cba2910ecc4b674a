// Tails: made where user code returns to what a gate site's jump covers, left wherever it is interrupted
// there.
#include <cstring>

#include "shadow/gate_sites.hpp"
#include "traps/dispatch.hpp"

namespace ringpress {

namespace {

void append(SiteTail& tail, const std::uint8_t* bytes, unsigned count) {
    std::memcpy(tail.code + tail.bytes, bytes, count);
    tail.bytes += count;
}

/// The rest of a near jump to `target` of the page, from code that begins at `at` of its pads.
void append_distance(SiteTail& tail, std::uint32_t target, unsigned at) {
    const std::uint32_t distance = target - (kPadDistance + at + tail.bytes + 4);
    append(tail, reinterpret_cast<const std::uint8_t*>(&distance), sizeof distance);
}

}  // namespace

/// The tail for `from`, to lie at `at` of the pads, from the guest's own bytes.  False if something there
/// cannot run from another place, or not whenever the page's code runs.
bool Dispatcher::compose_tail(gva page, unsigned slot, const GateSite& site, unsigned from, unsigned at,
                              SiteTail& into) {
    const std::uint32_t frame = (shadows_.views.slot(slot).frame - 1) << kPageShift;
    if (!m_.cpu.segment(Seg::cs).is_big()) return false;
    into.bytes = into.points = 0;
    while (from < site.offset + kSiteBytes) {
        const auto fetched = fetcher_.at(page + from, gpa(frame + from));
        if (!fetched || into.points == SiteTail::kMostInstructions) return false;
        const Instruction& insn = *fetched.value();
        if (insn.id == InsnId::undefined || insn.sensitive() || insn.fpu != FpuUse::none) return false;
        if (may_run_natively(insn, m_.cpu, policy_, page + from) != Native::yes) return false;
        into.point[into.points++] = {into.bytes, from};
        from += insn.length;
        const bool near = insn.operand_size == 4;
        const std::uint8_t condition[2] = {0x0F, static_cast<std::uint8_t>(0x80u | (insn.opcode & 0x0Fu))};
        constexpr std::uint8_t kJump = 0xE9;
        switch (insn.flow) {
            case Flow::next: append(into, insn.bytes, insn.length); break;
            case Flow::jcc:
                // loop and jecxz have no form that reaches far.
                if (!near || !(insn.opcode_map == 1 || (insn.opcode & 0xF0) == 0x70)) return false;
                append(into, condition, sizeof condition);
                append_distance(into, from + insn.immediate, at);
                break;
            case Flow::jmp:
                if (!near) return false;
                append(into, &kJump, 1);
                append_distance(into, from + insn.immediate, at);
                return true;
            case Flow::ret: append(into, insn.bytes, insn.length); return true;
            default: return false;
        }
    }
    into.point[into.points++] = {into.bytes, from};
    constexpr std::uint8_t kJump = 0xE9;
    append(into, &kJump, 1);
    append_distance(into, from, at);
    return true;
}

/// User code goes on behind a site's jump: with its tail, the next time.
void Dispatcher::remember_tail(gva address) {
    ShadowPages& pages = shadows_.pages;
    if (!policy_.tuning.tails || m_.cpu.cpl != 3 || !pages.user_entered()) return;
    const unsigned slot = pages.code_page(address).target(), from = address.offset();
    const std::uint32_t number = pages.site_covering(slot, from);
    if (!number) return;
    const GateSite& site = shadows_.state.site[number - 1];
    if (!site.tail) {
        if (site.tail_from == from) return;  // tried before
        SiteTail tail;
        unsigned at = 0;
        const bool breaks = pages.breakpoint_in(slot, site.offset, site.offset + kSiteBytes);
        // Where it lies changes distances only, not its length.
        if (!breaks && compose_tail(address.page_base(), slot, site, from, 0, tail)) {
            at = pages.tail_room(slot, tail.bytes);
            if (at) compose_tail(address.page_base(), slot, site, from, at, tail);
        }
        if (!at) return pages.refuse_tail(number, from);
        pages.install_tail(number, from, at, tail.code, tail.bytes);
        ++statistics_.tail_sites;
    }
    const gva copy = address.page_base() + kPadDistance + site.tail;
    if (site.tail_from != from || copy.value > address.value) return;
    quick_tails_[tail_index(address)] = {address.value, shadows_.state.site_generation, slot,
                                         shadows_.views.slot(slot).pad_slot - 1u, copy.value};
}

/// User code was interrupted in a tail: it finds itself where the copied instruction is.
void Dispatcher::leave_tail() {
    VCpu& cpu = m_.cpu;
    if (cpu.cpl != 3) return;
    const gva address = linear_eip();
    const std::uint32_t number = shadows_.pages.tail_site(address);
    if (!number) return;
    const GateSite& site = shadows_.state.site[number - 1];
    const gva page = gva(address.value - kPadDistance).page_base();
    SiteTail tail;
    if (!compose_tail(page, site.slot - 1u, site, site.tail_from, site.tail, tail)) return;
    for (unsigned n = 0; n < tail.points; ++n)
        if (site.tail + tail.point[n].at == address.offset())
            cpu.eip = (page + tail.point[n].from).value - cpu.segment(Seg::cs).base;
}

}  // namespace ringpress
