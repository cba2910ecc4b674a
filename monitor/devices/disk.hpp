// The sectors of a disk as a device sees them: a mapping of the image, or one that is only read, with what
// the guest wrote kept apart.
//
// Both kinds of memory are shared between the processes of a machine, so that either sees what the other has
// written, and what was written apart is known sector by sector.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

namespace ringpress {

inline constexpr std::uint32_t kSectorSize = 512;

class Disk {
  public:
    /// No disk.
    Disk() = default;
    /// Writes go to the mapping.  Whole sectors.
    Disk(std::span<std::uint8_t> sectors) : base_(sectors) {}
    /// Writes go to `apart`, which is as large as `base`; bit n of `written` says that sector n is there.
    Disk(std::span<std::uint8_t> base, std::uint8_t* apart, std::uint64_t* written)
        : base_(base), apart_(apart), written_(written) {}

    bool empty() const { return base_.empty(); }
    std::uint64_t size() const { return base_.size(); }
    std::uint64_t sectors() const { return base_.size() / kSectorSize; }

    /// Both move `count` whole sectors, which must exist.
    void read(std::uint64_t first, void* into, std::uint32_t count) const {
        if (!written_) {
            std::memcpy(into, base_.data() + first * kSectorSize, std::size_t{count} * kSectorSize);
            return;
        }
        for (std::uint32_t i = 0; i < count; ++i)
            std::memcpy(static_cast<std::uint8_t*>(into) + std::size_t{i} * kSectorSize, sector(first + i),
                        kSectorSize);
    }
    void write(std::uint64_t first, const void* from, std::uint32_t count) {
        std::memcpy((written_ ? apart_ : base_.data()) + first * kSectorSize, from,
                    std::size_t{count} * kSectorSize);
        if (written_)
            for (std::uint64_t s = first; s < first + count; ++s) written_[s / 64] |= 1ull << s % 64;
    }
    bool written_apart(std::uint64_t sector) const {
        return written_ && written_[sector / 64] >> sector % 64 & 1;
    }
    const std::uint8_t* sector(std::uint64_t number) const {
        return (written_apart(number) ? apart_ : base_.data()) + number * kSectorSize;
    }

  private:
    std::span<std::uint8_t> base_;
    std::uint8_t* apart_ = nullptr;
    std::uint64_t* written_ = nullptr;
};

}  // namespace ringpress
