#include "shadow/code_view.hpp"

#include <cstring>

#include "shadow/check.hpp"

namespace ringpress {

void CodeViews::assign(unsigned index, std::uint32_t frame) {
    ViewSlot& slot = s_.slot[index];
    CHECK(slot.frame == 0 && slot.first_alias == 0);
    slot = ViewSlot{};
    slot.frame = frame + 1;
    slot.referenced = 1;
    slot.is_16_bit = static_cast<std::uint8_t>(s_.code_is_16_bit);
    std::memset(bytes(index), kInt3, kPageSize);
    s_.frame[frame].view = static_cast<std::uint16_t>(index + 1);
    ++s_.counters.view_pages;
}

void CodeViews::join(unsigned index, unsigned offset, unsigned next) {
    ViewSlot& slot = s_.slot[index];
    if (!slot.next_frame || offset < slot.straddler) slot.straddler = offset;
    slot.next_frame = s_.slot[next].frame;
    s_.slot[next].previous_frame = slot.frame;
}

void CodeViews::cut_straddler(unsigned index) {
    ViewSlot& slot = s_.slot[index];
    CHECK(slot.next_frame != 0);
    const int next = slot_of(slot.next_frame - 1);
    if (next >= 0) s_.slot[next].previous_frame = 0;
    slot.next_frame = 0;
    // Overlapping instructions may share the last bytes: all that begin there go.
    for (unsigned offset = slot.straddler; offset < kPageSize; ++offset) clear_copied(index, offset);
    std::memset(bytes(index) + slot.straddler, kInt3, kPageSize - slot.straddler);
}

void CodeViews::release(unsigned index) {
    ViewSlot& slot = s_.slot[index];
    CHECK(slot.frame != 0 && slot.first_alias == 0);
    s_.frame[slot.frame - 1].view = 0;
    slot.frame = 0;
}

}  // namespace ringpress
