// Who gets which part of guest RAM before the guest starts.  Every byte that a loader writes goes through
// here, so that nothing is written outside usable RAM or over something else, whatever an image asks for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ringpress {

class RamLayout {
  public:
    /// ram: all of guest RAM from physical address 0, zero-filled (a fresh memfd is): loaders do not touch
    /// pages that stay zero, such as .bss.  Throws std::runtime_error below 1 MiB.
    explicit RamLayout(std::span<std::byte> ram);

    /// First physical address behind RAM.
    std::uint64_t top() const { return ram_.size(); }

    /// Reserves [begin, end) for `what`.  Throws std::runtime_error if that is not usable RAM or is taken.
    void claim(std::uint64_t begin, std::uint64_t end, const std::string& what);

    /// The same, but false instead of an exception.
    bool try_claim(std::uint64_t begin, std::uint64_t end, const std::string& what);

    /// Reserves `size` bytes at the lowest, or highest, free address within [from, to) that is a multiple of
    /// `align` (a power of two); nothing if there is no room.
    std::optional<std::uint32_t> take_lowest(std::uint64_t size, std::uint32_t align, std::uint64_t from,
                                             std::uint64_t to, const std::string& what);
    std::optional<std::uint32_t> take_highest(std::uint64_t size, std::uint32_t align, std::uint64_t from,
                                              std::uint64_t to, const std::string& what);

    /// Copies into a part that was claimed before.
    void copy(std::uint64_t begin, std::span<const std::byte> bytes);
    template <class T>
    void store(std::uint64_t begin, const T& value) {
        copy(begin, std::as_bytes(std::span(&value, 1)));
    }

    /// Writes to the part of low memory that belongs to the BIOS, which no kernel can claim.
    template <class T>
    void store_firmware(std::uint64_t begin, const T& value) {
        copy_firmware(begin, std::as_bytes(std::span(&value, 1)));
    }

    /// The first address behind everything that was claimed so far.
    std::uint64_t claimed_end() const;

  private:
    void copy_firmware(std::uint64_t begin, std::span<const std::byte> bytes);
    struct Claim {
        std::uint64_t begin, end;
        std::string what;
    };
    const Claim* overlapping(std::uint64_t begin, std::uint64_t end) const;
    bool usable(std::uint64_t begin, std::uint64_t end) const;

    std::span<std::byte> ram_;
    std::vector<Claim> claims_;
};

}  // namespace ringpress
