// Gate sites: sensitive instructions that leave for the monitor by a jump instead of a trap.
//
// The first five bytes of a site become  E9 FB EF FA FA : a near jump by a fixed distance.  Every byte behind
// the E9 is a privileged instruction of its own (sti, out, cli, cli), so that a jump into the middle traps,
// is recognised, and the site is given up.  The distance is a multiple of the page size, so the sites of one
// page lead to equal offsets of one other page: its *pads*.  A pad is a far jump into 64-bit code,
//     EA landing 33 00
// and each site has a landing of its own in one low page range, which names the site in a register that
// 32-bit code does not have and goes on above 4 GiB (monitor/gate.S).
//
// Pads are pages of the view file, mapped like a view at the guest-linear page that lies kPadDistance from
// the code page; if the guest has code of its own there, the sites of the page are given up.
#pragma once

#include <cstdint>

#include "shadow/stub_state.hpp"

namespace ringpress {

inline constexpr std::uint8_t kSiteJump[5] = {0xE9, 0xFB, 0xEF, 0xFA, 0xFA};
inline constexpr unsigned kSiteBytes = sizeof kSiteJump;
inline constexpr std::uint32_t kPadDistance = 0xFAFAEFFBu + kSiteBytes;
static_assert(kPadDistance % 4096 == 0);
inline constexpr std::uint32_t kPadPages = kPadDistance >> 12;  ///< the same in pages, modulo 2^20

/// Near the end of a page the jump could cover an instruction that runs on into the next.
inline constexpr bool site_fits_page(unsigned offset) {
    constexpr unsigned kLongestInstruction = 15;
    return offset + kSiteBytes + kLongestInstruction <= 4096;
}

inline constexpr unsigned kPadBytes = 7;       ///< EA ptr16:32
inline constexpr unsigned kLandingBytes = 16;  ///< one landing

/// The landing page range: kGateSites landings, then the address that they all continue at.
inline constexpr std::uint32_t kLandingRange = 16384 * kLandingBytes + 4096;

// A site may have a *stub* instead: 32-bit code that does the instruction's work in place, on the page of
// shadow/stub_state.hpp.  Its pad is then a near jump, and the stub jumps back behind the site.  The first
// kStubCells sites have a cell for one each; cells and page lie in the landings' region.
inline constexpr std::uint32_t kStubCells = 2048;
inline constexpr std::uint32_t kStubCellBytes = 1024;
inline constexpr std::uint32_t kStubRange = kStubCells * kStubCellBytes;
inline constexpr std::uint32_t kStubDataAt = 0x280000;  ///< StubData, from the region's beginning
/// What the view file holds behind the views: landings, then cells, mapped as they lie.
inline constexpr std::uint32_t kGateRange = kLandingRange + kStubRange;
static_assert(kGateRange <= kStubDataAt && kStubDataAt + sizeof(StubData) <= 1u << 22);

}  // namespace ringpress
