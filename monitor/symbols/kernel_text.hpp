// Where a running kernel's code is: Linux moves itself at boot (KASLR), by the same distance in
// guest-physical and in linear addresses.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace ringpress {

/// Samples of a kernel's code by which it is recognised in guest RAM.
class KernelText {
  public:
    /// Of a bzImage or an ELF kernel; nothing for any other file, or one without code.
    static std::optional<KernelText> of(std::span<const std::byte> kernel_file);

    /// How far above its link address the kernel lies in `ram` (all of guest RAM, which may change
    /// meanwhile); nothing while it is not there.  Reads a few hundred bytes for each place where it could
    /// be.
    std::optional<std::uint32_t> slide_in(std::span<const std::byte> ram) const;

  private:
    static constexpr unsigned kSampleBytes = 16;
    struct Sample {
        std::uint32_t physical;
        std::array<std::byte, kSampleBytes> bytes;
    };
    bool is_at(std::uint32_t slide, std::span<const std::byte> ram) const;

    std::vector<Sample> samples_;
    std::uint32_t alignment_ = 0;  ///< 0: the kernel does not move
};

}  // namespace ringpress
