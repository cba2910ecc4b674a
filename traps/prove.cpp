#include "traps/prove.hpp"

#include <algorithm>
#include <cstring>

#include "shadow/check.hpp"
#include "traps/fpu_access.hpp"

namespace ringpress {

namespace {
constexpr unsigned kLongest = 15;
}  // namespace

Native may_run_natively(const Instruction& insn, const VCpu& cpu, const Policy& policy, gva address) {
    if (insn.id == InsnId::undefined) return Native::undefined;
    if (insn.sensitive()) {
        if (insn.id == InsnId::rdtsc) {
            const bool plain = !(cpu.cr4 & cr4::TSD) && cpu.msr.tsc_offset == 0 && !policy.virtual_tsc;
            return plain ? Native::yes : Native::sensitive;
        }
        return policy.leaves_open(insn.id, address.value) ? Native::yes : Native::sensitive;
    }
    if (!check_fpu(insn.fpu, cpu)) return Native::boxed;
    // Data read through CS would come from the view.
    if (insn.uses_override() && insn.override_segment == Seg::cs) return Native::boxed;
    return Native::yes;
}

bool may_become_gate(const Instruction& insn, const Policy& policy) {
    // A breakpoint is written and taken away again, and #UD is how kernels report their own bugs: never hot.
    return policy.level == SensitiveLevel::inline_ && insn.id != InsnId::int3 && insn.id != InsnId::undefined;
}

/// True if a trapped instruction begins in [first, end): copying over it would let it run unseen.
bool Prover::hides_trapped(unsigned slot, unsigned first, unsigned end) const {
    if (shadow_.breakpoint_in(slot, first, end)) return true;
    for (unsigned o = first; o < end; ++o)
        if (views_.proven(slot, o) && !views_.copied(slot, o)) return true;
    return false;
}

/// A trapped instruction begins at `offset`: copies of overlapping instructions that would cover it must go,
/// and those that cover the beginning of one that went.
void Prover::uncover(unsigned slot, unsigned offset) {
    std::uint8_t* bytes = views_.bytes(slot);
    ViewSlot& view = views_.slot(slot);
    const std::uint8_t* guest = memory_.ram() + (std::size_t{view.frame - 1} << kPageShift);
    unsigned lowest = offset;
    std::uint32_t trapped = 1;  // bit n: an instruction that traps begins at o + n
    for (unsigned o = offset; o-- > 0 && trapped;) {
        trapped = trapped << 1 & ((1u << kLongest) - 1);
        if (!views_.copied(slot, o)) continue;
        const Instruction insn =
            decoder_.decode(guest + o, kPageSize - o, cpu_.segment(Seg::cs).is_big() ? 4 : 2);
        if (insn.length == 0) {  // it runs on into the next page
            views_.cut_straddler(slot);
        } else if (trapped & ((1u << insn.length) - 1)) {
            bytes[o] = kInt3;
            views_.clear_copied(slot, o);
            trapped |= 1;
            lowest = o;
        }
    }
    if (lowest < kLongest && view.previous_frame) {
        const int previous = views_.slot_of(view.previous_frame - 1);
        if (previous >= 0) views_.cut_straddler(static_cast<unsigned>(previous));
    }
    bytes[offset] = kInt3;
}

void Prover::box(unsigned slot, unsigned offset) {
    views_.clear_copied(slot, offset);
    uncover(slot, offset);
}

bool Prover::copy(unsigned slot, unsigned offset, const Instruction& insn) {
    if (hides_trapped(slot, offset + 1, offset + insn.length)) return false;
    const ViewSlot& view = views_.slot(slot);
    // Cutting that one would leave a hole in this.
    if (view.next_frame && offset < view.straddler && view.straddler < offset + insn.length) return false;
    std::memcpy(views_.bytes(slot) + offset, insn.bytes, insn.length);
    views_.set_copied(slot, offset);
    return true;
}

bool Prover::copy_straddling(gva address, unsigned slot, unsigned offset, const Instruction& insn) {
    const unsigned head = kPageSize - offset, tail = insn.length - head;
    const gva next_page = address.page_base() + kPageSize;
    const auto next = memory_.translate(next_page, Access::execute(cpu_.cpl == 3));
    if (!next || !memory_.is_ram(next.value())) return false;
    const std::uint32_t frame = next.value().page();
    ViewSlot& view = views_.slot(slot);
    if (view.next_frame && view.next_frame != frame + 1) return false;
    if (frame + 1 == view.frame) return false;
    int next_slot = views_.slot_of(frame);
    if (next_slot < 0) {
        const std::uint32_t own = view.frame;
        next_slot = static_cast<int>(shadow_.take_slot());
        if (view.frame != own) return false;  // the clock took this very page
        shadow_.write_protect(frame);
        views_.assign(static_cast<unsigned>(next_slot), frame);
    }
    const auto other = static_cast<unsigned>(next_slot);
    if (views_.slot(other).is_16_bit != view.is_16_bit) return false;
    if (views_.slot(other).previous_frame && views_.slot(other).previous_frame != view.frame) return false;
    uncover(slot, offset);  // when this is cut again, no other copy may need its bytes
    if (hides_trapped(slot, offset + 1, kPageSize) || hides_trapped(other, 0, tail)) return false;
    std::memcpy(views_.bytes(slot) + offset, insn.bytes, head);
    std::memcpy(views_.bytes(other), insn.bytes + head, tail);
    views_.set_copied(slot, offset);
    views_.join(slot, offset, other);
    shadow_.settle_straddler(slot);
    return views_.copied(slot, offset);
}

void Prover::prove(gva from, unsigned slot) {
    ViewSlot& view = views_.slot(slot);
    CHECK(view.frame != 0);
    const std::uint32_t frame = view.frame - 1;
    const std::uint8_t* guest = memory_.ram() + (std::size_t{frame} << kPageShift);
    const unsigned code_size = cpu_.segment(Seg::cs).is_big() ? 4 : 2;

    for (unsigned offset = from.offset(); offset < kPageSize;) {
        const bool first = offset == from.offset();
        if (views_.covered(slot, offset)) return;  // behind the jump of a gate site
        if (views_.proven(slot, offset) && (views_.copied(slot, offset) || !first)) return;
        Instruction insn = decoder_.decode(guest + offset, kPageSize - offset, code_size);
        bool straddles = false;
        if (insn.length == 0 && decoder_.truncated()) {
            std::uint8_t bytes[kLongest];
            const gva at = from.page_base() + offset;
            const unsigned head = kPageSize - offset;
            std::memcpy(bytes, guest + offset, head);
            if (!memory_.read_bytes(at + head, bytes + head, kLongest - head,
                                    Access::execute(cpu_.cpl == 3))) {
                // The rest cannot be fetched now; executing it faults, which emulation finds out.  Until then
                // the boundary may stay unproven, but not inside a copy of something else.
                if (first || views_.bytes(slot)[offset] != kInt3) {
                    views_.set_proven(slot, offset);
                    uncover(slot, offset);
                }
                return;
            }
            insn = decoder_.decode(bytes, kLongest, code_size);
            straddles = insn.length != 0;
        }
        if (!views_.proven(slot, offset)) {
            views_.set_proven(slot, offset);
            ++statistics_.proven;
            if (insn.sensitive()) ++statistics_.patched_sites;
        }
        if (insn.fpu != FpuUse::none || insn.id == InsnId::rdtsc) view.has_fpu = 1;

        bool copied = false;
        const bool stops = shadow_.breakpoint_in(slot, offset, offset + 1);
        if (!stops && may_run_natively(insn, cpu_, policy_, from.page_base() + offset) == Native::yes) {
            copied = straddles ? copy_straddling(from.page_base() + offset, slot, offset, insn)
                               : copy(slot, offset, insn);
            if (view.frame != frame + 1) return;
        }
        if (!copied) uncover(slot, offset);
        if (insn.length == 0 || straddles) return;
        if (insn.flow != Flow::next && insn.flow != Flow::jcc) return;
        offset += insn.length;
    }
}

}  // namespace ringpress
