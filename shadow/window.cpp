// Where the windows of the code view lie.
//
// A window must not cover a page that the guest reads or writes.  Windows are readable (the host cannot map a
// page for execution only without protection keys), so a stray read there would succeed where the guest expects
// a page fault.  In order of preference, a window goes
//   1. above the user boundary, where user segments do not reach;
//   2. as far as possible from everything mapped, in regions that the guest's page directory leaves empty.
// The second is needed for programs whose code is spread over more than the space above the boundary, because
// one code segment has one base.  The directory is looked at again before every return to user code.
#include <algorithm>

#include "shadow/check.hpp"
#include "shadow/shadow_pages.hpp"

namespace ringpress {

namespace {
constexpr std::uint32_t wrap(std::uint32_t region) { return region & (kRegions - 1); }
}  // namespace

bool ShadowPages::directory_entry_present(std::uint32_t region) const {
    if (!cpu_.paging()) return (region << kRegionShift) < ram_bytes_;
    return detail::read_entry(ram_, ram_bytes_, (cpu_.cr3 & pte::kFrame) + region * 4) & pte::P;
}

void ShadowPages::reserve_code_region(CodeSpace space, std::uint32_t region) {
    if (code(space).count(region)) return;
    const std::uint32_t at = wrap(region + (window_shift(space) >> kRegionShift));
    if (occupied(at) || directory_entry_present(at) || is_window_region(at)) move_window(space, kNoRegion, region);
}

void ShadowPages::move_window(CodeSpace space, std::uint32_t data_region, std::uint32_t code_region) {
    bool moved[kRegions] = {};
    MappedPages& table = code(space);
    if (code_region != kNoRegion) moved[code_region] = true;
    for (std::uint32_t region = 0; region < kRegions; ++region) {
        if (!table.count(region)) continue;
        moved[region] = true;
        drop_region(table, region);
    }
    bool& crowded = crowded_[static_cast<unsigned>(space)];
    int shift = choose_shift(space, moved, data_region, crowded);
    if (shift < 0) {  // the guest fills the address space: start over with what it touches now
        flush_all();
        shift = choose_shift(space, moved, data_region, crowded);
        CHECK(shift >= 0);
    }
    s_.window_shift[static_cast<unsigned>(space)] = static_cast<std::uint32_t>(shift) << kRegionShift;
    ++s_.counters.window_moves;
}

int ShadowPages::choose_shift(CodeSpace space, const bool (&code_regions)[kRegions], std::uint32_t data_region,
                              bool& crowded) const {
    const MappedPages& other = code(space == CodeSpace::kernel ? CodeSpace::user : CodeSpace::kernel);
    const std::uint32_t other_shift =
        window_shift(space == CodeSpace::kernel ? CodeSpace::user : CodeSpace::kernel) >> kRegionShift;
    // Distance of every region to the nearest one in use, looking both ways around the 4 GiB.
    bool used[kRegions], forbidden[kRegions];
    for (std::uint32_t r = 0; r < kRegions; ++r) {
        forbidden[r] = occupied(r) || r == data_region || other.count(wrap(r - other_shift));
        used[r] = forbidden[r] || directory_entry_present(r);
    }
    std::uint32_t distance[kRegions];
    for (std::uint32_t pass = 0, d = kRegions; pass < 2 * kRegions; ++pass) {
        const std::uint32_t r = wrap(pass);
        d = used[r] ? 0 : std::min(d + 1, kRegions);
        distance[r] = d;
    }
    for (std::uint32_t pass = 0, d = kRegions; pass < 2 * kRegions; ++pass) {
        const std::uint32_t r = kRegions - 1 - wrap(pass);
        d = used[r] ? 0 : std::min(d + 1, kRegions);
        distance[r] = std::min(distance[r], d);
    }
    const auto boundary = static_cast<std::uint32_t>(user_boundary_ >> kRegionShift);
    int best = -1;
    std::uint32_t best_score = 0;
    for (std::uint32_t shift = 1; shift < kRegions; ++shift) {
        std::uint32_t nearest = kRegions;
        bool allowed = true, out_of_reach = true;
        for (std::uint32_t r = 0; r < kRegions && allowed; ++r) {
            if (!code_regions[r]) continue;
            const std::uint32_t at = wrap(r + shift);
            allowed = !forbidden[at];
            nearest = std::min(nearest, distance[at]);
            out_of_reach = out_of_reach && at >= boundary;
        }
        if (!allowed) continue;
        // A region that the directory names but the guest has not touched is the last resort: score 1.
        std::uint32_t score = 1 + nearest;
        if (nearest && out_of_reach) score += 2 * kRegions;
        if (score > best_score) {
            best_score = score;
            best = static_cast<int>(shift);
        }
    }
    crowded = best_score <= 1;
    return best;
}

void ShadowPages::check_windows() {
    if (!cpu_.paging()) return;
    for (CodeSpace space : {CodeSpace::kernel, CodeSpace::user}) {
        if (crowded_[static_cast<unsigned>(space)]) continue;
        const std::uint32_t shift = window_shift(space) >> kRegionShift;
        bool covered = false;
        code(space).for_each_region([&](std::uint32_t r) { covered |= directory_entry_present(wrap(r + shift)); });
        if (covered) move_window(space, kNoRegion, kNoRegion);
    }
}

void ShadowPages::withdraw_kernel_window() {
    const auto boundary = static_cast<std::uint32_t>(user_boundary_ >> kRegionShift);
    const std::uint32_t shift = window_shift(CodeSpace::kernel) >> kRegionShift;
    bool reachable = false;
    code(CodeSpace::kernel).for_each_region([&](std::uint32_t r) { reachable |= wrap(r + shift) < boundary; });
    if (reachable) move_window(CodeSpace::kernel, kNoRegion, kNoRegion);
}

}  // namespace ringpress
