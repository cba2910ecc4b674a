// The physical memory map of the board, as boot protocols tell it to the guest.
#pragma once

#include <cstdint>
#include <vector>

namespace ringpress {

inline constexpr std::uint32_t kLowMemoryEnd = 0x9FC00;  ///< 639 KiB; the extended BIOS data area follows
inline constexpr std::uint32_t kVideoMemory = 0xA0000;
inline constexpr std::uint32_t kBiosStart = 0xF0000;
inline constexpr std::uint32_t kHighMemory = 0x100000;
inline constexpr std::uint32_t kIoApicWindow = 0xFEC00000;
inline constexpr std::uint32_t kLocalApicWindow = 0xFEE00000;

/// Address range types of the BIOS call INT 15h, AX = E820h.
enum class MemoryType : std::uint32_t { usable = 1, reserved = 2 };

struct MemoryRange {
    std::uint64_t base = 0;
    std::uint64_t length = 0;
    MemoryType type = MemoryType::reserved;
    constexpr bool operator==(const MemoryRange&) const = default;
};

/// Ranges in ascending order, without overlaps.  ram_bytes: at least 1 MiB, at most 0xFEC00000.
std::vector<MemoryRange> memory_map(std::uint64_t ram_bytes);

}  // namespace ringpress
