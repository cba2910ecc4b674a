// Where code and data lie apart: the choice of S.
//
// Views lie at the guest's own addresses and data S below them; in the guest's terms a view at address c
// takes the place of the data at c + S: its *window*.  A window must not be a place that the guest reads or
// writes.  Windows are readable (the host cannot map a page for execution only without protection keys), so a
// stray read there would succeed where the guest expects a page fault.  In order of preference
//   1. kernel code has its windows above the user boundary, where user segments do not reach, and so has user
//   code;
//   2. windows lie as far as possible from everything mapped, in regions that the page directory leaves
//   empty.
// The directory is looked at again before every return to user code.
#include <algorithm>

#include "shadow/check.hpp"
#include "shadow/shadow_pages.hpp"

namespace ringpress {

namespace {
bool in_set(const std::uint64_t* set, std::uint32_t region) {
    return set[region / 64] >> (region % 64) & 1;
}
void put_in(std::uint64_t* set, std::uint32_t region) {
    set[region / 64] |= 1ull << (region % 64);
}
}  // namespace

void ShadowPages::reserve_code_region(std::uint32_t region, bool supervisor) {
    if (supervisor) put_in(s_.kernel_code_regions, region);
    if (code_.count(region)) return;
    put_in(s_.code_regions, region);
    const std::uint32_t window = wrap(region + shift_regions());
    // With entries everywhere any other choice would be as bad, and two regions of code would move S in
    // turns.
    const bool named = !crowded_ && directory_entry_present(window);
    const bool landing = s_.landing_region && region == s_.landing_region;
    if (data_.count(window) || named || landing) move_window(kNoRegion, region);
}

void ShadowPages::move_window(std::uint32_t data_region, std::uint32_t code_region) {
    bool code[kRegions] = {}, data[kRegions] = {};
    for (std::uint32_t r = 0; r < kRegions; ++r) code[r] = in_set(s_.code_regions, r);
    data_.for_each_region([&](std::uint32_t r) { data[r] = true; });
    if (code_region != kNoRegion) code[code_region] = true;
    if (data_region != kNoRegion) data[data_region] = true;
    // The host keeps its first region for itself, so data there is as good as covered.
    code[0] = true;
    bool crowded = false;
    std::uint32_t shift = choose_shift(code, data, crowded);
    if (!shift) {  // the guest fills the address space: only what it asks for now must fit
        std::fill(std::begin(s_.code_regions), std::end(s_.code_regions), std::uint64_t{0});
        for (std::uint32_t r = 0; r < kRegions; ++r) {
            code[r] = code_.count(r) || r == code_region;
            if (code[r]) put_in(s_.code_regions, r);
        }
        code[0] = true;
        std::fill(std::begin(data), std::end(data), false);
        if (data_region != kNoRegion) data[data_region] = true;
        shift = choose_shift(code, data, crowded);
    }
    if (!shift) {  // and it has code everywhere: only what is being executed must fit
        std::fill(std::begin(s_.code_regions), std::end(s_.code_regions), std::uint64_t{0});
        std::fill(std::begin(code), std::end(code), false);
        constexpr std::uint32_t kLongestInstruction = 15;
        const std::uint32_t eip = cpu_.segment(Seg::cs).base + cpu_.eip;
        for (const std::uint32_t r :
             {eip >> kRegionShift, (eip + kLongestInstruction - 1) >> kRegionShift, code_region}) {
            if (r == kNoRegion) continue;
            code[r] = true;
            put_in(s_.code_regions, r);
        }
        code[0] = true;
        // Each of four regions rules out one of 1023 places.
        shift = choose_shift(code, data, crowded);
        CHECK(shift != 0);
    }
    crowded_ = crowded;
    for (std::uint32_t i = 0; i < s_.slots_used; ++i)
        if (s_.slot[i].frame && s_.slot[i].frame != ViewSlot::kPads && s_.slot[i].pad_slot) strip_sites(i);
    s_.landing_region = 0;
    flush_all();
    s_.shift = shift << kRegionShift;
    ++s_.counters.window_moves;
}

std::uint32_t ShadowPages::choose_shift(const bool (&code_regions)[kRegions],
                                        const bool (&data_regions)[kRegions], bool& crowded) const {
    // Distance of every region to the nearest one in use, looking both ways around the 4 GiB.
    std::uint32_t distance[kRegions];
    const auto used = [&](std::uint32_t r) { return data_regions[r] || directory_entry_present(r); };
    for (std::uint32_t pass = 0, d = kRegions; pass < 2 * kRegions; ++pass) {
        const std::uint32_t r = wrap(pass);
        d = used(r) ? 0 : std::min(d + 1, kRegions);
        distance[r] = d;
    }
    for (std::uint32_t pass = 0, d = kRegions; pass < 2 * kRegions; ++pass) {
        const std::uint32_t r = kRegions - 1 - wrap(pass);
        d = used(r) ? 0 : std::min(d + 1, kRegions);
        distance[r] = std::min(distance[r], d);
    }
    const auto boundary = static_cast<std::uint32_t>(user_boundary_ >> kRegionShift);
    std::uint32_t best = 0, best_score = 0;
    for (std::uint32_t shift = 1; shift < kRegions; ++shift) {
        std::uint32_t nearest = kRegions;
        bool allowed = true, kernel_hidden = true, all_hidden = true;
        for (std::uint32_t r = 0; r < kRegions && allowed; ++r) {
            if (!code_regions[r]) continue;
            const std::uint32_t window = wrap(r + shift);
            allowed = !data_regions[window];
            if (r == 0 && !in_set(s_.code_regions, 0)) continue;  // nothing to read there
            nearest = std::min(nearest, distance[window]);
            if (window < boundary) {
                all_hidden = false;
                if (in_set(s_.kernel_code_regions, r)) kernel_hidden = false;
            }
        }
        if (!allowed) continue;
        // A region that the directory names but the guest has not touched is the last resort: score 1.
        std::uint32_t score = 1 + nearest;
        if (nearest) score += (kernel_hidden ? 2 * kRegions : 0) + (all_hidden ? kRegions : 0);
        if (score > best_score) {
            best_score = score;
            best = shift;
        }
    }
    crowded = best_score <= 1;
    return best;
}

void ShadowPages::check_windows() {
    if (windows_covered()) move_window(kNoRegion, kNoRegion);
}

void ShadowPages::withdraw_kernel_window() {
    const auto boundary = static_cast<std::uint32_t>(user_boundary_ >> kRegionShift);
    bool reachable = false;
    code_.for_each_region([&](std::uint32_t r) {
        reachable |= code_.supervisor(r) != 0 && wrap(r + shift_regions()) < boundary;
    });
    // Nor may user segments reach what stubs work on.
    reachable |= stubs_placed() && wrap(s_.landing_region + shift_regions()) < boundary;
    if (reachable) move_window(kNoRegion, kNoRegion);
}

}  // namespace ringpress
