#include "shadow/gathered_frames.hpp"

#include <cstring>

#include "shadow/check.hpp"

namespace ringpress {

void GatheredFrames::forget(std::uint32_t frame) {
    if (!places_[frame]) return;
    held_[places_[frame] - 1u] = 0;
    places_[frame] = 0;
    --count_;
}

void GatheredFrames::move(std::uint32_t frame, std::uint32_t pool_page) {
    CHECK(pool_page < kGatherPages && !held_[pool_page]);
    // The pool is shown behind RAM, the frame wherever it lies.
    std::memcpy(page(pool_ + pool_page), page(frame), kPageSize);
    forget(frame);
    host_.show_ram(gpa(frame << kPageShift), (pool_ + pool_page) << kPageShift);
    places_[frame] = static_cast<std::uint16_t>(pool_page + 1);
    held_[pool_page] = frame + 1;
    ++count_;
}

void GatheredFrames::send_home(std::uint32_t frame) {
    if (!places_[frame]) return;
    const std::uint32_t from = page_of(frame);
    forget(frame);
    host_.show_ram(gpa(frame << kPageShift), frame << kPageShift);
    std::memcpy(page(frame), page(from), kPageSize);
}

}  // namespace ringpress
