// The code view: copies of guest code that hold proven instructions only.
//
// A view belongs to a frame of guest RAM and is shared by every linear page that maps it.  It starts as 4096
// bytes of int3, so the first execution of any address traps there: that address is a proven instruction
// boundary, and what is decoded from it may be copied.  Bytes that were not reached stay int3.
//
// This class keeps the slots; proving what to copy is traps/prove.cpp's work, mapping them
// shadow_pages.cpp's.
#pragma once

#include <cstdint>

#include "shadow/shadow_state.hpp"

namespace ringpress {

inline constexpr std::uint8_t kInt3 = 0xCC;

class CodeViews {
  public:
    /// pages: the writable mapping of the view file, kViewSlots pages, out of the guest's reach.
    CodeViews(ShadowState& state, std::uint8_t* pages) : s_(state), pages_(pages) {}

    /// The slot of a frame, or -1.
    int slot_of(std::uint32_t frame) const { return static_cast<int>(s_.frame[frame].view) - 1; }
    ViewSlot& slot(unsigned index) { return s_.slot[index]; }
    std::uint8_t* bytes(unsigned index) { return pages_ + std::size_t{index} * kPageSize; }

    /// Gives the free slot `index` to a frame, with nothing proven.
    void assign(unsigned index, std::uint32_t frame);
    /// Takes the slot back; its mappings must be gone.
    void release(unsigned index);
    /// The instruction that runs on into the next frame goes back to int3: that frame is no longer behind it.
    void cut_straddler(unsigned index);
    /// Takes note that the instruction at `offset` of `index` runs on into the view `next`.  No copied
    /// instruction that begins before the first such one may cover its beginning.
    void join(unsigned index, unsigned offset, unsigned next);

    bool proven(unsigned index, unsigned offset) const { return bit(s_.slot[index].proven, offset); }
    bool covered(unsigned index, unsigned offset) const { return bit(s_.slot[index].covered, offset); }
    void set_covered(unsigned index, unsigned offset) { set(s_.slot[index].covered, offset); }
    void clear_covered(unsigned index, unsigned offset) {
        s_.slot[index].covered[offset / 64] &= ~(1ull << (offset % 64));
    }
    bool copied(unsigned index, unsigned offset) const { return bit(s_.slot[index].copied, offset); }
    void set_proven(unsigned index, unsigned offset) { set(s_.slot[index].proven, offset); }
    void set_copied(unsigned index, unsigned offset) { set(s_.slot[index].copied, offset); }
    void clear_proven(unsigned index, unsigned offset) {
        s_.slot[index].proven[offset / 64] &= ~(1ull << (offset % 64));
    }
    void clear_copied(unsigned index, unsigned offset) {
        s_.slot[index].copied[offset / 64] &= ~(1ull << (offset % 64));
    }

  private:
    static bool bit(const std::uint64_t* map, unsigned n) { return map[n / 64] >> (n % 64) & 1; }
    static void set(std::uint64_t* map, unsigned n) { map[n / 64] |= 1ull << (n % 64); }
    ShadowState& s_;
    std::uint8_t* pages_;
};

}  // namespace ringpress
