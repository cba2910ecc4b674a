// Segment descriptors as they lie in the guest's memory, and what loading one makes of a segment register.
#pragma once

#include <cstdint>

#include "shadow/vcpu.hpp"

namespace ringpress {

/// A descriptor as stored in the GDT or LDT, SDM Vol. 3A, figure 3-8.
struct Descriptor {
    std::uint32_t low = 0, high = 0;
    std::uint32_t base() const { return (low >> 16) | ((high & 0xFFu) << 16) | (high & 0xFF000000u); }
    /// In bytes, granularity applied.
    std::uint32_t limit() const {
        const std::uint32_t raw = (low & 0xFFFFu) | (high & 0xF0000u);
        return high & 0x800000u ? (raw << 12) | 0xFFFu : raw;
    }
    std::uint16_t attributes() const { return static_cast<std::uint16_t>((high >> 8) & 0xF0FFu); }
    unsigned type() const { return (high >> 8) & 15u; }
    bool is_code_or_data() const { return high & 0x1000u; }
    unsigned dpl() const { return (high >> 13) & 3u; }
    bool present() const { return high & 0x8000u; }
};
inline SegmentRegister make_segment(std::uint16_t selector, const Descriptor& d) {
    return {selector, d.attributes(), d.base(), d.limit()};
}

}  // namespace ringpress
