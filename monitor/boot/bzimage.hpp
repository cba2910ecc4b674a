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

/// True if an image is a bzImage with a packed kernel in it.  Others use Linux' boot protocol for programs
/// that have nothing to unpack (memtest86+).
bool has_packed_kernel(Image image);

/// Unpacks the kernel inside a bzImage.
/// Throws std::runtime_error, one line, if the image is truncated, damaged, or packed in an unknown way.
UnpackedKernel unpack_bzimage(Image image);

}  // namespace ringpress
