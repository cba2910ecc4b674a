#include "monitor/boot/ram_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "monitor/boot/memory_map.hpp"
#include "shadow/check.hpp"

namespace ringpress {
namespace {

constexpr std::uint64_t round_down(std::uint64_t value, std::uint64_t align) {
    return value & ~(align - 1);
}
constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t align) {
    return round_down(value + align - 1, align);
}

}  // namespace

RamLayout::RamLayout(std::span<std::byte> ram) : ram_(ram) {
    if (ram.size() < kHighMemory)
        throw std::runtime_error(
            fmt::format("{} KiB of RAM are too few for a PC; give at least 1 MiB with -m", ram.size() >> 10));
    if (ram.size() > kIoApicWindow)
        throw std::runtime_error(fmt::format(
            "{} MiB of RAM reach into the addresses of devices; give less with -m", ram.size() >> 20));
}

bool RamLayout::usable(std::uint64_t begin, std::uint64_t end) const {
    return end <= kLowMemoryEnd || (begin >= kHighMemory && end <= top());
}

const RamLayout::Claim* RamLayout::overlapping(std::uint64_t begin, std::uint64_t end) const {
    const auto found = std::find_if(claims_.begin(), claims_.end(),
                                    [&](const Claim& c) { return begin < c.end && c.begin < end; });
    return found == claims_.end() ? nullptr : &*found;
}

void RamLayout::claim(std::uint64_t begin, std::uint64_t end, const std::string& what) {
    if (begin >= end) return;
    if (end > top())
        throw std::runtime_error(
            fmt::format("{} needs physical addresses {:#x} to {:#x}, but RAM ends at {:#x}; "
                        "give more with -m, or link it lower",
                        what, begin, end - 1, top()));
    if (!usable(begin, end))
        throw std::runtime_error(
            fmt::format("{} needs physical addresses {:#x} to {:#x}, where video memory and "
                        "the BIOS are; link it at {:#x} or above",
                        what, begin, end - 1, kHighMemory));
    if (const Claim* other = overlapping(begin, end))
        throw std::runtime_error(
            fmt::format("{} at {:#x} to {:#x} overlaps {} at {:#x} to {:#x}; link them apart", what, begin,
                        end - 1, other->what, other->begin, other->end - 1));
    claims_.push_back({begin, end, what});
}

bool RamLayout::try_claim(std::uint64_t begin, std::uint64_t end, const std::string& what) {
    if (begin >= end || !usable(begin, end) || overlapping(begin, end)) return false;
    claims_.push_back({begin, end, what});
    return true;
}

std::optional<std::uint32_t> RamLayout::take_lowest(std::uint64_t size, std::uint32_t align,
                                                    std::uint64_t from, std::uint64_t to,
                                                    const std::string& what) {
    size = std::max<std::uint64_t>(size, 1);
    to = std::min(to, top());
    std::uint64_t begin = round_up(from, align);
    while (begin <= to && size <= to - begin) {
        const std::uint64_t end = begin + size;
        if (!usable(begin, end)) {
            if (begin >= kHighMemory) return std::nullopt;
            begin = round_up(kHighMemory, align);
        } else if (const Claim* other = overlapping(begin, end)) {
            begin = round_up(other->end, align);
        } else {
            claims_.push_back({begin, end, what});
            return static_cast<std::uint32_t>(begin);
        }
    }
    return std::nullopt;
}

std::optional<std::uint32_t> RamLayout::take_highest(std::uint64_t size, std::uint32_t align,
                                                     std::uint64_t from, std::uint64_t to,
                                                     const std::string& what) {
    size = std::max<std::uint64_t>(size, 1);
    std::uint64_t end = std::min(to, top());
    while (size <= end && round_down(end - size, align) >= from) {
        const std::uint64_t begin = round_down(end - size, align);
        const std::uint64_t needed_end = begin + size;
        if (!usable(begin, needed_end)) {
            if (begin < kHighMemory && end > kLowMemoryEnd)
                end = kLowMemoryEnd;
            else
                return std::nullopt;
        } else if (const Claim* other = overlapping(begin, needed_end)) {
            end = other->begin;
        } else {
            claims_.push_back({begin, needed_end, what});
            return static_cast<std::uint32_t>(begin);
        }
    }
    return std::nullopt;
}

void RamLayout::copy(std::uint64_t begin, std::span<const std::byte> bytes) {
    if (bytes.empty()) return;
    const bool claimed = std::any_of(claims_.begin(), claims_.end(), [&](const Claim& c) {
        return begin >= c.begin && begin <= c.end && bytes.size() <= c.end - begin;
    });
    CHECK(claimed);
    std::memcpy(ram_.data() + begin, bytes.data(), bytes.size());
}

void RamLayout::copy_firmware(std::uint64_t begin, std::span<const std::byte> bytes) {
    CHECK(begin >= kLowMemoryEnd && begin <= kHighMemory && bytes.size() <= kHighMemory - begin);
    std::memcpy(ram_.data() + begin, bytes.data(), bytes.size());
}

std::uint64_t RamLayout::claimed_end() const {
    std::uint64_t end = 0;
    for (const Claim& c : claims_) end = std::max(end, c.end);
    return end;
}

}  // namespace ringpress
