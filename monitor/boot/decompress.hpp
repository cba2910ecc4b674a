// Unpacks what kernels are packed with: the formats that Linux' build offers for its bzImage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "monitor/boot/image_reader.hpp"

namespace ringpress {

enum class Compression : std::uint8_t { gzip, bzip2, lzma, xz, lzo, lz4, zstd };

std::string_view name(Compression compression);

/// By the first bytes; nothing if they are of none of these formats.
std::optional<Compression> compression_of(Image packed);

/// Unpacks one stream; bytes behind its end are ignored, since a bzImage has its unpacked size there.
/// Throws std::runtime_error, one line, if the data is damaged, ends early, or unpacks to more than
/// max_bytes.
std::vector<std::byte> decompress(Image packed, Compression compression, std::size_t max_bytes);

}  // namespace ringpress
