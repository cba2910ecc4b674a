// The two formats of independent blocks: lzop's files, and LZ4's legacy frames, which Linux uses.
#pragma once

#include <cstddef>
#include <vector>

#include "monitor/boot/image_reader.hpp"

namespace ringpress {

/// Both as decompress().
std::vector<std::byte> decompress_lzo(Image packed, std::size_t max_bytes);
std::vector<std::byte> decompress_lz4(Image packed, std::size_t max_bytes);

/// What decompress() and these throw when the output grows beyond its limit, or the data makes no sense.
[[noreturn]] void refuse_too_large(std::size_t max_bytes);
[[noreturn]] void refuse_damaged(const char* format);

}  // namespace ringpress
