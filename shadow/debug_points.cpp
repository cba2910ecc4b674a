#include "shadow/debug_points.hpp"

#include "shadow/shadow_pages.hpp"

namespace ringpress {

bool ShadowPages::breakpoint_in(unsigned slot, unsigned first, unsigned end) const {
    const DebugPoints& points = s_.debug.points;
    if (!points.breakpoints) return false;
    for (std::uint32_t alias = s_.slot[slot].first_alias; alias; alias = code_.at(alias - 1).next_alias)
        if (points.breaks_in(gva((alias - 1) << kPageShift | first), end - first)) return true;
    return false;
}

void ShadowPages::set_points(const DebugPoints& points) {
    const DebugPoints old = s_.debug.points;
    s_.debug.points = points;
    const auto renew = [&](const DebugPoints& from, const DebugPoints& other) {
        for (std::uint32_t i = 0; i < from.breakpoints; ++i) {
            const gva at(from.breakpoint[i]);
            const MappedPage& mapped = code_.at(at.page());
            if (other.breaks_at(at)) continue;
            if (limits_.executable_data && data_.present(at.page())) unmap_page(data_, at.page());
            if (mapped.present() && !(mapped.bits & MappedPage::kPad))
                drop_view(s_.slot[mapped.target()].frame - 1);
        }
    };
    renew(old, points);
    renew(points, old);
    // One that stays costs a fault more.
    unmap_watched(old);
    unmap_watched(points);
}

void ShadowPages::unmap_watched(const DebugPoints& points) {
    for (std::uint32_t i = 0; i < points.watchpoints; ++i) {
        const Watchpoint& w = points.watchpoint[i];
        for (const std::uint32_t page : {gva(w.address).page(), gva(w.address + w.length - 1).page()})
            if (data_.present(page)) unmap_page(data_, page);
    }
}

}  // namespace ringpress
