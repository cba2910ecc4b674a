// A view of one instruction only: for what can run neither from the view of its page nor in software.
//
// An instruction of the FPU that a trapped one overlaps, or a store of SSE's into the very page that it is
// fetched from: the page's view cannot hold it, and the interpreter does not know it.  So its page shows just
// this instruction for the time of one hardware step, at its own address, so that EIP and the instruction
// pointer that the FPU keeps are the genuine ones.  Slots and mappings are booked like those of gate pads:
// they belong to no frame of the guest's.
//
// Where the operand lies in no RAM that could be mapped, in a device, say, the instruction gets a *bounce*: a
// page of its own to work on, in place of the operand (traps/bounce_operand.cpp).
#include <cstring>

#include "shadow/check.hpp"
#include "shadow/shadow_pages.hpp"

namespace ringpress {

std::uint32_t ShadowPages::scratch_slot(unsigned which) {
    if (!s_.scratch_slot[which]) {
        const std::uint32_t slot = take_slot();
        s_.slot[slot] = ViewSlot{};
        s_.slot[slot].frame = ViewSlot::kPads;
        s_.scratch_slot[which] = static_cast<std::uint16_t>(slot + 1);
    }
    return s_.scratch_slot[which] - 1u;
}

/// A region that nothing is mapped in, and that `address` and the page behind it do not lie in.
std::uint32_t ShadowPages::unused_region(gva address) {
    const auto unused = [&](std::uint32_t host) {
        if (host == address.value >> kRegionShift || host == (address + kPageSize).value >> kRegionShift)
            return false;
        return !code_.count(host) && !data_.count(wrap(host + shift_regions())) && host != s_.landing_region;
    };
    for (;;) {
        // Rather one whose window the page directory leaves empty: otherwise S would have to move.
        for (const bool named : {false, true})
            for (std::uint32_t host = kRegions - 1; host > 0; --host)
                if (unused(host) && (named || !directory_entry_present(wrap(host + shift_regions()))))
                    return host;
        flush_all();  // the guest uses them all: it has to map them again
    }
}

void ShadowPages::book_scratch(std::uint32_t page, std::uint32_t slot, std::uint32_t flags) {
    if (code_.present(page)) erase(code_, page);
    insert(code_, page, slot << kPageShift | flags | MappedPage::kPad | MappedPage::kGlobal,
           s_.slot[slot].first_alias);
    ++s_.counters.map_calls;
    s_.mapping_estimate += 2;
}

void ShadowPages::show_scratch(std::uint32_t page, std::uint32_t slot) {
    book_scratch(page, slot, 0);
    host_.map_view(gva(page << kPageShift), slot, 1);
}

ScratchPlace ShadowPages::map_scratch(gva address, const std::uint8_t* bytes, unsigned length, bool bounce) {
    unmap_scratch();
    make_room_for(3);
    const unsigned here = kPageSize - address.offset();
    const bool straddles = length > here;
    // Below the host's floor nothing can be mapped: then some region that nobody uses serves.
    const bool moves = address.value < limits_.low_floor;
    const std::uint32_t free = moves || bounce ? unused_region(address) : 0;
    ScratchPlace place{address, gva(0)};
    if (moves) place.code = gva((free << kRegionShift) + address.value % (1u << kRegionShift));
    const gva at = place.code;
    const std::uint32_t page = at.page(), next = (page + 1) & (kLinearPages - 1);
    const std::uint32_t first = scratch_slot(0), second = straddles ? scratch_slot(1) : first;
    reserve_code_region(page / kPagesPerRegion, false);
    if (straddles) reserve_code_region(next / kPagesPerRegion, false);
    if (bounce) {
        // Half a region away from the instruction, which may lie there, too.
        const std::uint32_t data = free * kPagesPerRegion + (page + kPagesPerRegion / 2) % kPagesPerRegion;
        reserve_code_region(free, false);
        book_scratch(data, kBounceSlot, MappedPage::kWritable);
        place.bounce = gva(data << kPageShift);
        host_.map_bounce(place.bounce);
    }

    std::memset(views_.bytes(first), kInt3, kPageSize);
    std::memcpy(views_.bytes(first) + at.offset(), bytes, straddles ? here : length);
    show_scratch(page, first);
    if (straddles) {
        std::memset(views_.bytes(second), kInt3, kPageSize);
        std::memcpy(views_.bytes(second), bytes + here, length - here);
        show_scratch(next, second);
    }
    return place;
}

void ShadowPages::unmap_scratch() {
    const auto unmap = [&](const ViewSlot& slot) {
        while (slot.first_alias) unmap_page(code_, slot.first_alias - 1);
    };
    for (const std::uint16_t slot : s_.scratch_slot)
        if (slot) unmap(s_.slot[slot - 1]);
    unmap(s_.slot[kBounceSlot]);
}

}  // namespace ringpress
