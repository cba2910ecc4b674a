#include "shadow/gate_sites.hpp"

#include <cstring>

#include "shadow/check.hpp"
#include "shadow/shadow_pages.hpp"
#include "shadow/stub_state.hpp"

namespace ringpress {

namespace {
constexpr std::uint16_t kHostCode64 = 0x33;  // Linux' __USER_CS: the gate's far side
constexpr std::uint32_t kGatePages = kGateRange >> kPageShift;
constexpr std::uint32_t kPageIndexMask = kLinearPages - 1;
}  // namespace

void ShadowPages::enable_gates(std::uint64_t continuation) {
    gate_continuation_ = continuation;
    // The landings, behind the view slots in the view file.  Each is
    //     mov r15d, site        41 BF site
    //     jmp [continuation]    FF 25 distance
    std::uint8_t* bytes = views_.bytes(kViewSlots);
    const std::uint32_t pointer = kGateSites * kLandingBytes;
    for (std::uint32_t site = 0; site < kGateSites; ++site) {
        std::uint8_t* at = bytes + site * kLandingBytes;
        const std::uint32_t distance = pointer - (site * kLandingBytes + 12);
        std::memcpy(at, "\x41\xBF", 2);
        std::memcpy(at + 2, &site, 4);
        std::memcpy(at + 6, "\xFF\x25", 2);
        std::memcpy(at + 8, &distance, 4);
        std::memset(at + 12, kInt3, 4);
    }
    std::memcpy(bytes + pointer, &continuation, sizeof continuation);
}

std::uint32_t ShadowPages::landing(std::uint32_t site) const {
    return (s_.landing_region << kRegionShift) + site * kLandingBytes;
}

void ShadowPages::map_landing() {
    host_.map_view(gva(s_.landing_region << kRegionShift), kViewSlots, kGatePages);
    s_.mapping_estimate += 2;
    if (!stubs_enabled_) return;
    host_.map_ram(gva((s_.landing_region << kRegionShift) + kStubDataAt), ram_bytes_, sizeof(StubData), true,
                  false, false);
    ++s_.counters.map_calls;
    s_.mapping_estimate += 2;
}

/// Chooses a region for the landings: out of the users' reach, free, and not named by the guest's directory.
bool ShadowPages::place_landing() {
    if (s_.landing_region) return true;
    for (std::uint32_t host = kRegions - 1; host > 0; --host) {
        const std::uint32_t region = wrap(host + shift_regions());
        const bool reachable = region < static_cast<std::uint32_t>(user_boundary_ >> kRegionShift);
        if (data_.count(region) || code_.count(host) || directory_entry_present(region)) continue;
        if (reachable && user_boundary_ < (1ull << 32)) continue;
        s_.landing_region = host;
        map_landing();
        return true;
    }
    return false;
}

bool ShadowPages::make_site(unsigned slot, unsigned offset, bool user) {
    if (!gate_continuation_ || !site_fits_page(offset)) return false;
    ViewSlot& view = s_.slot[slot];
    const std::uint32_t alias = view.first_alias;
    if (!alias) return false;
    const std::uint32_t page = alias - 1, pads = (page + kPadPages) & kPageIndexMask;
    // User code cannot jump to pads that lie beyond its segment's limit: below kPadDistance they wrap around.
    if ((user && pads > page) || (pads << kPageShift) < limits_.low_floor) return false;
    if (code_.present(pads) && !(code_.at(pads).bits & MappedPage::kPad)) return false;
    for (unsigned o = offset; o < offset + kSiteBytes; ++o)
        if (views_.covered(slot, o)) return false;
    if (!place_landing()) return false;

    if (!view.pad_slot) {
        const std::uint32_t frame = view.frame;
        const std::uint32_t index = take_slot();
        if (view.frame != frame || view.pad_slot) return false;  // the clock took this very view
        ViewSlot& pad_view = s_.slot[index];
        CHECK(pad_view.frame == 0);
        pad_view = ViewSlot{};
        pad_view.frame = ViewSlot::kPads;
        std::memset(views_.bytes(index), kInt3, kPageSize);
        view.pad_slot = static_cast<std::uint16_t>(index + 1);
        map_pads(page, slot);
        if (view.pad_slot != index + 1) return false;  // making room gave them up again
    }
    // A pad is longer than a site's jump: neighbours must leave it room on both sides.
    const unsigned pad_slot = view.pad_slot - 1u;
    std::uint8_t* pad = views_.bytes(pad_slot) + offset;
    for (unsigned i = 0; i < kPadBytes; ++i)
        if (pad[i] != kInt3 || views_.copied(pad_slot, offset + i)) return false;

    std::uint32_t site = s_.first_free_site;
    if (site)
        s_.first_free_site = s_.site[site - 1].next;
    else if (s_.sites_used < kGateSites)
        site = ++s_.sites_used;
    else
        return false;
    GateSite& g = s_.site[site - 1];
    g = {static_cast<std::uint16_t>(slot + 1), static_cast<std::uint16_t>(offset), view.first_site, 0};
    view.first_site = site;

    const std::uint32_t to = landing(site - 1);
    pad[0] = 0xEA;
    std::memcpy(pad + 1, &to, sizeof to);
    std::memcpy(pad + 5, &kHostCode64, sizeof kHostCode64);
    for (unsigned i = 0; i < kPadBytes; ++i)
        views_.set_copied(pad_slot, offset + i);  // marks the bytes as taken
    for (unsigned o = offset + 1; o < offset + kSiteBytes; ++o) {
        // Instructions found here by decoding on are executed with the site's own; if something jumps to one,
        // it traps, and the site is given up.
        views_.set_covered(slot, o);
        views_.clear_proven(slot, o);
        views_.clear_copied(slot, o);
    }
    // The pad is in place before the jump that leads to it.
    std::memcpy(views_.bytes(slot) + offset, kSiteJump, kSiteBytes);
    ++s_.counters.sites_made;
    ++s_.site_generation;
    return true;
}

void ShadowPages::strip_sites(unsigned slot) {
    ViewSlot& view = s_.slot[slot];
    CHECK(view.pad_slot != 0);
    ++s_.site_generation;
    for (std::uint32_t site = view.first_site; site;) {
        GateSite& g = s_.site[site - 1];
        std::memset(views_.bytes(slot) + g.offset, kInt3, kSiteBytes);
        for (unsigned o = g.offset + 1u; o < g.offset + kSiteBytes; ++o) views_.clear_covered(slot, o);
        const std::uint32_t next = g.next;
        s_.stub_count -= g.stub;
        g = {0, 0, s_.first_free_site, 0};
        s_.first_free_site = site;
        site = next;
        ++s_.counters.sites_stripped;
    }
    view.first_site = 0;
    const unsigned pads = view.pad_slot - 1u;
    view.pad_slot = 0;
    while (const std::uint32_t alias = s_.slot[pads].first_alias) unmap_page(code_, alias - 1);
    s_.slot[pads].frame = 0;
}

void ShadowPages::map_pads(std::uint32_t page, unsigned slot) {
    const std::uint32_t pads = (page + kPadPages) & kPageIndexMask;
    const unsigned pad_slot = s_.slot[slot].pad_slot - 1u;
    if (code_.present(pads)) {
        if (!(code_.at(pads).bits & MappedPage::kPad)) {
            strip_sites(slot);
            return;
        }
        if (code_.at(pads).target() == pad_slot) return;
        unmap_page(code_, pads);
    }
    // A stub jumps back to the one place it was written for.
    for (std::uint32_t site = s_.slot[slot].first_site; site; site = s_.site[site - 1].next)
        if (s_.site[site - 1].stub) {
            strip_sites(slot);
            return;
        }
    // One place only, so that a pad tells which address was executed.
    ++s_.site_generation;
    while (const std::uint32_t alias = s_.slot[pad_slot].first_alias) unmap_page(code_, alias - 1);
    reserve_code_region(pads / kPagesPerRegion, false);
    if (s_.slot[slot].pad_slot != pad_slot + 1u) return;  // making room gave up the sites
    insert(code_, pads, pad_slot << kPageShift | MappedPage::kPad | MappedPage::kGlobal,
           s_.slot[pad_slot].first_alias);
    host_.map_view(host_address(code_, pads), pad_slot, 1);
    s_.mapping_estimate += 2;
    part_straddlers(pads);
}

bool ShadowPages::site_address(std::uint32_t site, bool user, gva& address) const {
    if (site >= kGateSites || !s_.site[site].slot) return false;
    const GateSite& g = s_.site[site];
    const std::uint32_t pad_slot = s_.slot[g.slot - 1].pad_slot;
    if (!pad_slot) return false;
    const std::uint32_t alias = s_.slot[pad_slot - 1].first_alias;
    if (!alias) return false;
    const std::uint32_t page = (alias - 1 - kPadPages) & kPageIndexMask;
    address = gva(page << kPageShift | g.offset);
    return !user || (code_.at(page).bits & MappedPage::kUser);
}

bool ShadowPages::site_behind_pad(gva address, gva& site) const {
    site = gva(address.value - kPadDistance);
    const MappedPage& mapped = code_.at(site.page());
    return mapped.present() && !(mapped.bits & MappedPage::kPad) && site.offset() + 1 < kPageSize &&
           views_.covered(mapped.target(), site.offset() + 1);
}

// --- stubs

ShadowPages::StubPlace ShadowPages::place_of(std::uint32_t site) const {
    const std::uint32_t base = s_.landing_region << kRegionShift;
    return {site, base + kLandingRange + site * kStubCellBytes, stub_data().value, landing(site)};
}

std::optional<ShadowPages::StubPlace> ShadowPages::stub_place(unsigned slot, unsigned offset) const {
    if (!stubs_placed()) return std::nullopt;
    const ViewSlot& view = s_.slot[slot];
    // At a single place, and only the kernel's.
    if (!view.first_alias || code_.at(view.first_alias - 1).next_alias) return std::nullopt;
    if (!(code_.at(view.first_alias - 1).bits & MappedPage::kSupervisor)) return std::nullopt;
    for (std::uint32_t site = view.first_site; site; site = s_.site[site - 1].next)
        if (s_.site[site - 1].offset == offset && site <= kStubCells) return place_of(site - 1);
    return std::nullopt;
}

void ShadowPages::install_stub(unsigned slot, const StubPlace& place, const std::uint8_t* code,
                               unsigned length) {
    CHECK(length <= kStubCellBytes);
    std::uint8_t* cell = views_.bytes(kViewSlots) + kLandingRange + place.site * kStubCellBytes;
    std::memcpy(cell, code, length);
    std::memset(cell + length, kInt3, kStubCellBytes - length);
    GateSite& g = s_.site[place.site];
    CHECK(!g.stub);
    g.stub = 1;
    ++s_.stub_count;
    const unsigned pad_slot = s_.slot[slot].pad_slot - 1u;
    std::uint8_t* pad = views_.bytes(pad_slot) + g.offset;
    constexpr unsigned kNearJump = 5;  // E9 rel32
    const std::uint32_t from = ((s_.slot[pad_slot].first_alias - 1) << kPageShift) + g.offset + kNearJump;
    const std::uint32_t distance = place.cell - from;
    pad[0] = 0xE9;
    std::memcpy(pad + 1, &distance, sizeof distance);
    std::memset(pad + kNearJump, kInt3, kPadBytes - kNearJump);
}

bool ShadowPages::leads_to_stub(gva address) const {
    const MappedPage& mapped = code_.at(address.page());
    if (!s_.stub_count || !mapped.present() || (mapped.bits & MappedPage::kPad)) return false;
    const unsigned pad_slot = s_.slot[mapped.target()].pad_slot, offset = address.offset();
    return pad_slot && views_.bytes(mapped.target())[offset] == kSiteJump[0] && offset + 1 < kPageSize &&
           views_.covered(mapped.target(), offset + 1) && views_.bytes(pad_slot - 1)[offset] == 0xE9;
}

bool ShadowPages::stub_at(gva address, gva& site, StubPlace& place) const {
    if (!stubs_placed()) return false;
    const std::uint32_t from = (s_.landing_region << kRegionShift) + kLandingRange;
    const std::uint32_t number = (address.value - from) / kStubCellBytes;
    if (address.value < from || number >= kStubCells || !s_.site[number].stub) return false;
    place = place_of(number);
    return site_address(number, false, site);
}

/// User code runs, and no segment limit keeps it from StubData.
void ShadowPages::withdraw_stubs() {
    if (!stubs_placed()) return;
    strip_stubs();
    stubs_enabled_ = false;
    host_.unmap(gva((s_.landing_region << kRegionShift) + kStubDataAt), sizeof(StubData));
    ++s_.counters.map_calls;
}

void ShadowPages::strip_stubs() {
    if (!s_.stub_count) return;
    for (std::uint32_t i = 0; i < s_.slots_used; ++i) {
        if (!s_.slot[i].frame || s_.slot[i].frame == ViewSlot::kPads) continue;
        for (std::uint32_t site = s_.slot[i].first_site; site; site = s_.site[site - 1].next)
            if (s_.site[site - 1].stub) {
                strip_sites(i);
                break;
            }
    }
}

}  // namespace ringpress
