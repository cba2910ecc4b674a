// What an address space works with, mapped when it becomes current: see working_sets.hpp and
// gathered_frames.hpp.
#include <algorithm>

#include "shadow/shadow_pages.hpp"

namespace ringpress {

/// Maps what the address space at hand used when it was last current, in place of another's pages at the same
/// addresses where there are such: one call of the host instead of two and a fault.
void ShadowPages::map_working_set() {
    if (!limits_.working_sets || cpu_.cr3 == users_of_) return;
    users_of_ = cpu_.cr3;
    sets_.enter(cpu_.cr3);
    if (s_.debug.points.watchpoints || limits_.executable_data) return;
    if (limits_.gathers) gather_working_set();
    for (const WorkingSets::Entry& entry : sets_) {
        const std::uint32_t page = entry.page & ~WorkingSets::kCode;
        const bool code = entry.page & WorkingSets::kCode;
        const gva address(page << kPageShift);
        if (address.value >= user_boundary_) continue;
        const Access access{false, true, code};
        const auto now = walk(cpu_, ram_, ram_bytes_, address, access, false);
        // Accessed is set with an access, not with a guess.
        if (!now || !now.value().accessed() || now.value().physical.value >= ram_bytes_) continue;
        const MappedPages& table = code ? code_ : data_;
        if (table.present(page) && same_target(table, table.at(page), now.value())) continue;
        if (!code)
            map_data(address, now.value(), access, true);
        else if (views_.slot_of(now.value().physical.page()) >= 0)
            map_view(address, now.value());
    }
}

/// Pages of the working set that follow each other, with the same rights.
struct ShadowPages::Neighbours {
    static constexpr std::uint32_t kMost = 64;
    std::uint32_t first = 0, count = 0;
    bool writable = false;
    std::uint32_t frame[kMost];

    bool continued_by(std::uint32_t page, std::uint32_t its_frame, bool is_writable) const {
        return count && count < kMost && page == first + count && is_writable == writable &&
               std::find(frame, frame + count, its_frame) == frame + count;
    }
    void begin(std::uint32_t page, bool is_writable) {
        first = page;
        count = 0;
        writable = is_writable;
    }
    void add(std::uint32_t its_frame) { frame[count++] = its_frame; }
};

/// Frames that are still the same when a set serves for the third time are there to stay: those of neighbours
/// become neighbours.
void ShadowPages::gather_working_set() {
    constexpr int kTimes = 3;
    const int times = sets_.serves();
    if (times == 0 || times > kTimes) return;
    Neighbours run;
    for (WorkingSets::Entry& entry : sets_) {
        if (entry.page & WorkingSets::kCode) continue;
        const gva address(entry.page << kPageShift);
        const auto now = walk(cpu_, ram_, ram_bytes_, address, Access{false, true, false}, false);
        const std::uint32_t frame = now ? now.value().physical.page() : WorkingSets::kNoFrame;
        if (times == 1) {
            entry.frame = frame;
        } else if (entry.frame != frame) {
            entry.frame = WorkingSets::kNoFrame;
        }
        // Below 1 MiB lies what the supervisor looks at while the guest runs: the screen.
        const bool good = now && entry.frame == frame && now.value().accessed() &&
                          now.value().physical.value < ram_bytes_ && now.value().physical.value >= 1u << 20 &&
                          views_.slot_of(frame) < 0;
        if (!good || times < kTimes) continue;
        const bool writable = now.value().rw && now.value().dirty;
        if (!run.continued_by(entry.page, frame, writable)) {
            gather(run);
            run.begin(entry.page, writable);
        }
        run.add(frame);
    }
    gather(run);
}

void ShadowPages::gather(const Neighbours& run) {
    bool contiguous = true;
    for (std::uint32_t i = 1; i < run.count; ++i)
        contiguous &= gathered_.page_of(run.frame[i]) == gathered_.page_of(run.frame[0]) + i;
    if (contiguous) return;
    make_room_for(2 * run.count);
    const std::uint32_t place = gathered_.take(run.count);
    for (std::uint32_t i = 0; i < run.count; ++i)
        if (const std::uint32_t held = gathered_.held_in(place + i); held != GatheredFrames::kNone) {
            unmap_frame(held);
            gathered_.send_home(held);
        }
    for (std::uint32_t i = 0; i < run.count; ++i) {
        unmap_frame(run.frame[i]);
        gathered_.move(run.frame[i], place + i);
        ++s_.counters.frames_gathered;
    }
}

void ShadowPages::unmap_frame(std::uint32_t frame) {
    while (const std::uint32_t alias = s_.frame[frame].first_alias) unmap_page(data_, alias - 1);
}

void ShadowPages::send_frames_home() {
    for (std::uint32_t place = 0; place < kGatherPages; ++place)
        if (const std::uint32_t held = gathered_.held_in(place); held != GatheredFrames::kNone) {
            unmap_frame(held);
            gathered_.send_home(held);
        }
}

}  // namespace ringpress
