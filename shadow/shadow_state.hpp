// The tables behind the shadows, as they lie in the arena.
//
// All-zero is the empty state, so that a fresh arena needs no initialisation and untouched parts cost no
// memory. References to table slots are therefore stored plus one, and 0 means none.
#pragma once

#include <cstdint>
#include <type_traits>

#include "shadow/address.hpp"
#include "shadow/debug_points.hpp"

namespace ringpress {

inline constexpr std::uint32_t kLinearPages = 1u << 20;
inline constexpr std::uint32_t kRegions = 1024;  ///< of 4 MiB: what one page-directory entry covers
inline constexpr unsigned kRegionShift = 22;
inline constexpr std::uint32_t kPagesPerRegion = 1024;
inline constexpr std::uint32_t kMaxRamPages = 1u << 19;  ///< 2 GiB
inline constexpr std::uint32_t kViewSlots = 8192;
inline constexpr std::uint32_t kBounceSlot = kViewSlots - 1;  ///< never a view, see map_scratch()
inline constexpr std::uint32_t kDescriptorSlots = 2048;       ///< host LDT slots in use, of 8192

/// What one linear page is mapped to on the host.
struct MappedPage {
    std::uint32_t bits = 0;            ///< frame number (data) or slot (code) << 12, and the flags below
    std::uint32_t next_alias = 0;      ///< next linear page (plus one) of the same frame or slot
    std::uint32_t previous_alias = 0;  ///< plus one; 0: this page heads the list

    static constexpr std::uint32_t kPresent = 1;
    static constexpr std::uint32_t kWritable = 2;    ///< mapped writable on the host
    static constexpr std::uint32_t kSupervisor = 4;  ///< must not be reachable while the guest is at CPL 3
    static constexpr std::uint32_t kGlobal = 8;      ///< survives a CR3 load
    static constexpr std::uint32_t kLarge = 16;      ///< part of a 4 MiB page
    static constexpr std::uint32_t kUser = 32;       ///< the guest's tables let CPL 3 in
    static constexpr std::uint32_t kPad =
        64;  ///< code: no view of a frame but the pads of one, see gate_sites.hpp

    constexpr bool present() const { return bits & kPresent; }
    constexpr bool writable() const { return bits & kWritable; }
    constexpr std::uint32_t target() const { return bits >> kPageShift; }
};

/// One address space of mapped pages with what is needed to find and count them quickly.
struct MappedTable {
    MappedPage page[kLinearPages];
    std::uint64_t present[kLinearPages / 64];
    std::uint16_t count[kRegions];               ///< pages mapped in the region
    std::uint16_t supervisor[kRegions];          ///< of them, with kSupervisor
    std::uint16_t local[kRegions];               ///< of them, without kGlobal
    std::uint16_t pads[kRegions];                ///< of them, with kPad
    std::uint16_t large[kRegions];               ///< of them, with kLarge
    std::uint64_t regions[kRegions / 64];        ///< regions with a count above zero
    std::uint64_t local_regions[kRegions / 64];  ///< regions with a local count above zero
    std::uint32_t total;
};

/// What is known of one page of guest RAM.
struct FrameInfo {
    std::uint32_t first_alias = 0;  ///< a linear page (plus one) that data mappings reach it by
    std::uint16_t view = 0;         ///< slot (plus one) of its code view
    std::uint16_t writes = 0;       ///< times a write dropped its view
};

/// A page of the code view: a copy of the proven instructions of one frame, int3 everywhere else.
struct ViewSlot {
    static constexpr std::uint32_t kPads =
        ~0u;  ///< as `frame`: the slot holds the pads of another, or a single instruction (map_scratch())
    std::uint32_t frame = 0;           ///< plus one; 0: the slot is free
    std::uint32_t first_alias = 0;     ///< a linear page (plus one) that the view is mapped for
    std::uint32_t next_frame = 0;      ///< plus one: the frame that the last instruction runs on into
    std::uint32_t previous_frame = 0;  ///< plus one: a frame whose last instruction runs on into this one
    std::uint32_t straddler = 0;       ///< with next_frame: where the first instruction that runs on begins
    std::uint8_t has_fpu = 0;          ///< some copied instruction uses the FPU
    std::uint8_t is_16_bit = 0;        ///< decoded as code of a 16-bit segment
    std::uint8_t referenced = 0;       ///< mapped since the clock hand last passed
    std::uint16_t pad_slot = 0;        ///< plus one: the slot with the pads of this one's gate sites
    std::uint32_t first_site = 0;      ///< plus one: index into ShadowState::site
    std::uint64_t proven[kPageSize / 64] = {};   ///< instruction boundaries seen to execute
    std::uint64_t copied[kPageSize / 64] = {};   ///< of them, those that run natively
    std::uint64_t covered[kPageSize / 64] = {};  ///< bytes behind the first of a gate site's jump
};

/// A sensitive instruction that was replaced by a jump through a gate, see gate_sites.hpp.
struct GateSite {
    std::uint16_t slot = 0;    ///< plus one; 0: free
    std::uint16_t offset = 0;  ///< in the page
    std::uint32_t next = 0;    ///< plus one: the next site of the slot, or the next free one
    std::uint8_t stub = 0;     ///< not 0: it leads to the native stub in its cell
    // A native copy of what the jump covers behind the instruction, see site_tails.cpp.
    std::uint8_t tail_bytes = 0;
    std::uint16_t tail = 0;  ///< its offset in the pads; 0: there is none
    std::uint16_t tail_from =
        0;  ///< where in its page the copied code begins; without a tail: there cannot be one
};
inline constexpr std::uint32_t kGateSites = 16384;

struct ShadowState {
    MappedTable data;
    MappedTable code;
    FrameInfo frame[kMaxRamPages];
    std::uint16_t gathered[kMaxRamPages];  ///< see gathered_frames.hpp
    ViewSlot slot[kViewSlots];
    std::uint32_t slots_used;  ///< slots beyond this were never used
    std::uint32_t clock_hand;
    std::uint32_t code_is_16_bit;  ///< CS.D is clear: views of 32-bit code are not mapped, and the reverse
    // Regions that code, and that supervisor code, was mapped in since S was chosen afresh: what was flushed
    // comes back, and a choice that does not reckon with it would have to be made again at once.
    std::uint64_t code_regions[kRegions / 64], kernel_code_regions[kRegions / 64];
    std::uint32_t shift;  ///< S, see shadow_pages.hpp: a multiple of 4 MiB
    GateSite site[kGateSites];
    std::uint32_t site_generation;  ///< changes whenever a site comes, goes, or is found elsewhere
    std::uint32_t sites_used, first_free_site, stub_count;
    std::uint32_t landing_region;  ///< host region of the 64-bit code that gates jump to; 0: nowhere
    std::uint32_t
        user_boundary_region;        ///< first region that user segments may not reach (plus one; 0: unset)
    std::uint16_t scratch_slot[2];   ///< plus one: of map_scratch()
    std::uint32_t mapping_estimate;  ///< upper bound of host mappings made since the last full flush
    std::uint32_t descriptor_count;
    struct DescriptorKey {
        std::uint32_t base, limit, flags;
    } descriptor[kDescriptorSlots];
    std::uint16_t descriptor_hash[4096];
    DebugWatch debug;
    struct Counters {
        std::uint64_t pages_mapped, pages_unmapped, map_calls, descriptors_loaded, view_pages, views_dropped,
            window_moves, recycled, frames_gathered, sites_made, sites_stripped;
    } counters;
};
static_assert(std::is_trivially_copyable_v<ShadowState>);

}  // namespace ringpress
