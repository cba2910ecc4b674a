// What a Linux bzImage unpacks to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "monitor/boot/decompress.hpp"

namespace ringpress {

struct UnpackedKernel {
    std::vector<std::byte> elf;  ///< vmlinux without its symbol table; relocations may follow it
    Compression compression = Compression::gzip;
    /// The kernel may move itself at boot, for KASLR among others, by multiples of this; a power of two.
    std::uint32_t alignment = 0;
};

inline constexpr std::size_t kMaxUnpackedKernel = 1u << 30;

/// Unpacks the kernel inside a bzImage (is_linux_bzimage()).
/// Throws std::runtime_error, one line, if the image is truncated, damaged, or packed in an unknown way.
UnpackedKernel unpack_bzimage(Image image);

}  // namespace ringpress
