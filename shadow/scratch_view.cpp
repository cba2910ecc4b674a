// A view of one instruction only: for what can run neither from the view of its page nor in software.
//
// An instruction of the FPU that a trapped one overlaps, or a store of SSE's into the very page that it is
// fetched from: the page's view cannot hold it, and the interpreter does not know it.  So its page shows just
// this instruction for the time of one hardware step, at its own address, so that EIP and the instruction
// pointer that the FPU keeps are the genuine ones.  Slots and mappings are booked like those of gate pads:
// they belong to no frame of the guest's.
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

/// Below the host's floor nothing can be mapped: then some region that nobody uses serves.
gva ShadowPages::scratch_place(gva address) const {
    if (address.value >= limits_.low_floor) return address;
    for (std::uint32_t host = kRegions - 1; host > 0; --host) {
        const bool free =
            !code_.count(host) && !data_.count(wrap(host + shift_regions())) && host != s_.landing_region;
        if (free) return gva((host << kRegionShift) + address.value % (1u << kRegionShift));
    }
    return address;
}

void ShadowPages::show_scratch(std::uint32_t page, std::uint32_t slot) {
    if (code_.present(page)) erase(code_, page);
    insert(code_, page, slot << kPageShift | MappedPage::kPad | MappedPage::kGlobal,
           s_.slot[slot].first_alias);
    host_.map_view(gva(page << kPageShift), slot, 1);
    ++s_.counters.map_calls;
    s_.mapping_estimate += 2;
}

gva ShadowPages::map_scratch(gva address, const std::uint8_t* bytes, unsigned length) {
    unmap_scratch();
    make_room_for(2);
    const unsigned here = kPageSize - address.offset();
    const bool straddles = length > here;
    gva at = scratch_place(address);
    const std::uint32_t page = at.page(), next = (page + 1) & (kLinearPages - 1);
    const std::uint32_t first = scratch_slot(0), second = straddles ? scratch_slot(1) : first;
    reserve_code_region(page / kPagesPerRegion, false);
    if (straddles) reserve_code_region(next / kPagesPerRegion, false);

    std::memset(views_.bytes(first), kInt3, kPageSize);
    std::memcpy(views_.bytes(first) + at.offset(), bytes, straddles ? here : length);
    show_scratch(page, first);
    if (straddles) {
        std::memset(views_.bytes(second), kInt3, kPageSize);
        std::memcpy(views_.bytes(second), bytes + here, length - here);
        show_scratch(next, second);
    }
    return at;
}

void ShadowPages::unmap_scratch() {
    for (const std::uint16_t slot : s_.scratch_slot)
        while (slot && s_.slot[slot - 1].first_alias) unmap_page(code_, s_.slot[slot - 1].first_alias - 1);
}

}  // namespace ringpress
