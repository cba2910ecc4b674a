// Tails: native copies, in the pads, of what a site's jump covers behind its instruction.
//
// A system call returns behind its int, and where nothing long enough comes before it, that place lies under
// the jump of the site.  The copy is executed instead, and leads back behind the jump.  Pads and code lie a
// fixed distance apart, so a tail fits wherever the two are mapped.
#include <cstring>

#include "shadow/check.hpp"
#include "shadow/gate_sites.hpp"
#include "shadow/shadow_pages.hpp"

namespace ringpress {

std::uint32_t ShadowPages::site_covering(unsigned slot, unsigned offset) const {
    unsigned start = offset;
    while (start > 0 && views_.covered(slot, start)) --start;
    if (start == offset) return 0;
    for (std::uint32_t site = s_.slot[slot].first_site; site; site = s_.site[site - 1].next)
        if (s_.site[site - 1].offset == start) return site;
    return 0;
}

unsigned ShadowPages::tail_room(unsigned slot, unsigned bytes) const {
    CHECK(s_.slot[slot].pad_slot != 0);
    const unsigned pads = s_.slot[slot].pad_slot - 1u;
    // An instruction that traps may get a site yet, and needs its pad then.
    const auto wanted = [&](unsigned at) {
        for (unsigned o = at - (kPadBytes - 1); o <= at; ++o)
            if (site_fits_page(o) && views_.proven(slot, o) && !views_.copied(slot, o)) return true;
        return false;
    };
    // From the end of the page on, where there are no sites.
    unsigned room = 0;
    for (unsigned at = kPageSize; --at >= kPadBytes;) {
        room = views_.copied(pads, at) || wanted(at) ? 0 : room + 1;
        if (room == bytes) return at;
    }
    return 0;
}

void ShadowPages::install_tail(std::uint32_t site, unsigned from, unsigned at, const std::uint8_t* code,
                               unsigned bytes) {
    GateSite& g = s_.site[site - 1];
    CHECK(g.slot && !g.tail && at && at + bytes <= kPageSize && bytes < 256);
    const unsigned pads = s_.slot[g.slot - 1u].pad_slot - 1u;
    std::memcpy(views_.bytes(pads) + at, code, bytes);
    for (unsigned o = at; o < at + bytes; ++o) views_.set_copied(pads, o);  // marks the bytes as taken
    g.tail = static_cast<std::uint16_t>(at);
    g.tail_from = static_cast<std::uint16_t>(from);
    g.tail_bytes = static_cast<std::uint8_t>(bytes);
}

void ShadowPages::refuse_tail(std::uint32_t site, unsigned from) {
    s_.site[site - 1].tail_from = static_cast<std::uint16_t>(from);
}

std::uint32_t ShadowPages::tail_site(gva address) const {
    const MappedPage& pads = code_.at(address.page());
    if (!pads.present() || !(pads.bits & MappedPage::kPad)) return 0;
    const MappedPage& code = code_.at(gva(address.value - kPadDistance).page());
    if (!code.present() || (code.bits & MappedPage::kPad)) return 0;
    const ViewSlot& view = s_.slot[code.target()];
    if (view.pad_slot != pads.target() + 1u) return 0;
    for (std::uint32_t site = view.first_site; site; site = s_.site[site - 1].next) {
        const GateSite& g = s_.site[site - 1];
        if (g.tail && address.offset() >= g.tail && address.offset() < g.tail + g.tail_bytes) return site;
    }
    return 0;
}

}  // namespace ringpress
