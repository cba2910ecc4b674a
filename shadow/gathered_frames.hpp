// Where the pages of guest RAM lie in its file.
//
// The host maps what is contiguous there in one call, and what is not in one call for each page, several
// times what the mapping itself costs.  A program's memory is contiguous in linear addresses; its frames are
// whatever the guest's allocator had.  So frames that are mapped side by side again and again, because an
// address space comes and goes with its working set, are *gathered*: their contents move to neighbouring
// pages of a pool behind RAM.  To the guest nothing changes: what was one of its physical pages is shown at
// the same physical address, from elsewhere in the file.
//
// Only the process that emulates knows the pool.  Before anyone else looks at RAM, all frames go home.
#pragma once

#include <array>
#include <cstdint>

#include "shadow/host_space.hpp"
#include "shadow/stub_state.hpp"

namespace ringpress {

inline constexpr std::uint32_t kGatherPages = 2048;
/// What follows RAM in its file: what native stubs work on, and the pool.
inline constexpr std::uint32_t kBehindRam = sizeof(StubData) + kGatherPages * kPageSize;

class GatheredFrames {
  public:
    /// ram: the monitor's mapping of RAM with kBehindRam behind it; ram_bytes: of RAM alone.
    /// `places` has an entry for each page of RAM: the pool page that it lies in, plus one; 0: it is at home.
    GatheredFrames(std::uint16_t* places, std::uint8_t* ram, std::uint32_t ram_bytes, HostSpace& host)
        : places_(places),
          ram_(ram),
          host_(host),
          pool_((ram_bytes + static_cast<std::uint32_t>(sizeof(StubData))) >> kPageShift) {}

    /// The page of the file that the frame lies in.
    std::uint32_t page_of(std::uint32_t frame) const {
        const std::uint32_t place = places_[frame];
        return place ? pool_ + place - 1 : frame;
    }
    /// The frame that lies in a page of the file, which must not be one that it has left.
    std::uint32_t frame_at(std::uint32_t file_page) const {
        return file_page < pool_ ? file_page : held_in(file_page - pool_);
    }
    /// Frames that are not at home.
    std::uint32_t count() const { return count_; }

    /// The first of `pages` (at most kGatherPages) pages of the pool, whose frames, if any, the caller must
    /// send home before it moves others there.
    std::uint32_t take(std::uint32_t pages) {
        if (next_ + pages > kGatherPages) next_ = 0;
        const std::uint32_t first = next_;
        next_ += pages;
        return first;
    }
    static constexpr std::uint32_t kNone = ~0u;
    /// The frame that lies in a page of the pool, or kNone.
    std::uint32_t held_in(std::uint32_t pool_page) const { return held_[pool_page] - 1; }

    /// Both: the frame must not be mapped for the guest.
    void move(std::uint32_t frame, std::uint32_t pool_page);
    void send_home(std::uint32_t frame);

  private:
    std::uint8_t* page(std::uint32_t number) const { return ram_ + (std::size_t{number} << kPageShift); }
    void forget(std::uint32_t frame);

    std::uint16_t* places_;
    std::uint8_t* ram_;
    HostSpace& host_;
    std::uint32_t pool_;  ///< its first page in the file
    std::uint32_t next_ = 0, count_ = 0;
    std::array<std::uint32_t, kGatherPages> held_{};  ///< frame plus one
};

}  // namespace ringpress
