// Address types of the three worlds, so that one cannot be passed for another.
//
//   gva  guest-virtual (linear) address: after segmentation, before paging.  32 bits.
//   gpa  guest-physical address: after the guest's own page tables.  32 bits (no PAE yet).
//   hva  host-virtual address: an ordinary pointer in the monitor.
#pragma once

#include <compare>
#include <cstdint>

namespace ringpress {

inline constexpr std::uint32_t kPageSize = 4096;
inline constexpr std::uint32_t kPageMask = kPageSize - 1;
inline constexpr unsigned kPageShift = 12;

template <class Tag>
struct Address {
    std::uint32_t value = 0;

    constexpr Address() = default;
    constexpr explicit Address(std::uint32_t v) : value(v) {}

    constexpr std::uint32_t page() const { return value >> kPageShift; }
    constexpr std::uint32_t offset() const { return value & kPageMask; }
    constexpr Address page_base() const { return Address(value & ~kPageMask); }
    /// Wraps at 4 GiB, as the processor does.
    constexpr Address operator+(std::uint32_t n) const { return Address(value + n); }
    constexpr auto operator<=>(const Address&) const = default;
};

using gva = Address<struct GuestVirtualTag>;
using gpa = Address<struct GuestPhysicalTag>;

}  // namespace ringpress
