#include "monitor/boot/decompress_blocks.hpp"

#include <lz4.h>
#include <lzo/lzo1x.h>

#include <cstdint>

namespace ringpress {
namespace {

/// Reads integers one after the other.
class Cursor {
  public:
    Cursor(Image image, const char* format) : image_(image), format_(format) {}

    Image take(std::uint64_t length) {
        if (!holds(image_, at_, length)) refuse_damaged(format_);
        at_ += length;
        return image_.subspan(at_ - length, length);
    }
    std::uint32_t big_endian(unsigned width) {
        std::uint32_t value = 0;
        for (const std::byte b : take(width)) value = value << 8 | std::to_integer<std::uint32_t>(b);
        return value;
    }
    std::uint32_t little_endian32() { return field<std::uint32_t>(take(4), 0); }
    std::uint64_t left() const { return image_.size() - at_; }

  private:
    Image image_;
    const char* format_;
    std::uint64_t at_ = 0;
};

/// Header flags of lzop (its conf.h); each checksum is 4 bytes.
namespace lzop {
constexpr std::uint32_t kAdlerUnpacked = 1, kAdlerPacked = 2, kExtraField = 0x40, kCrcUnpacked = 0x100,
                        kCrcPacked = 0x200, kFilter = 0x800;
}

/// Skips the header and returns its flags.
std::uint32_t lzop_header(Cursor& in) {
    in.take(9);  // magic
    const std::uint32_t version = in.big_endian(2);
    const bool modern = version >= 0x940;
    in.take(modern ? 4 : 2);  // the library's version, the version needed
    in.take(modern ? 2 : 1);  // method, level
    const std::uint32_t flags = in.big_endian(4);
    if (flags & lzop::kFilter) in.take(4);
    in.take(modern ? 12 : 8);  // mode, time
    in.take(in.big_endian(1));
    in.take(4);  // the header's checksum
    if (flags & lzop::kExtraField) {
        in.take(in.big_endian(4));
        in.take(4);
    }
    return flags;
}

}  // namespace

std::vector<std::byte> decompress_lzo(Image packed, std::size_t max_bytes) {
    Cursor in(packed, "LZO");
    const std::uint32_t flags = lzop_header(in);
    const auto checksums = [&](std::uint32_t adler, std::uint32_t crc) {
        return (flags & adler ? 4u : 0u) + (flags & crc ? 4u : 0u);
    };
    std::vector<std::byte> out;
    while (const std::uint32_t unpacked_size = in.big_endian(4)) {
        const std::uint32_t packed_size = in.big_endian(4);
        if (packed_size > unpacked_size) refuse_damaged("LZO");
        if (unpacked_size > max_bytes - out.size()) refuse_too_large(max_bytes);
        in.take(checksums(lzop::kAdlerUnpacked, lzop::kCrcUnpacked));
        if (packed_size < unpacked_size) in.take(checksums(lzop::kAdlerPacked, lzop::kCrcPacked));
        const Image block = in.take(packed_size);
        if (packed_size == unpacked_size) {  // did not shrink: stored
            out.insert(out.end(), block.begin(), block.end());
            continue;
        }
        const std::size_t have = out.size();
        out.resize(have + unpacked_size);
        lzo_uint made = unpacked_size;
        const int status =
            lzo1x_decompress_safe(reinterpret_cast<const unsigned char*>(block.data()), block.size(),
                                  reinterpret_cast<unsigned char*>(&out[have]), &made, nullptr);
        if (status != LZO_E_OK || made != unpacked_size) refuse_damaged("LZO");
    }
    return out;
}

std::vector<std::byte> decompress_lz4(Image packed, std::size_t max_bytes) {
    constexpr std::uint32_t kLegacyMagic = 0x184C2102;
    constexpr int kBlock = 8 << 20;  // what a block of a legacy frame unpacks to, but for the last
    Cursor in(packed, "LZ4");
    in.take(4);
    std::vector<std::byte> out;
    // The last four bytes of a bzImage's payload are its unpacked size, not a block.
    while (in.left() > 4) {
        const std::uint32_t size = in.little_endian32();
        if (size == kLegacyMagic) continue;  // another frame
        const Image block = in.take(size);
        const std::size_t have = out.size();
        out.resize(have + kBlock);
        const int made =
            LZ4_decompress_safe(reinterpret_cast<const char*>(block.data()),
                                reinterpret_cast<char*>(&out[have]), static_cast<int>(block.size()), kBlock);
        if (made < 0) refuse_damaged("LZ4");
        out.resize(have + static_cast<std::size_t>(made));
        if (out.size() > max_bytes) refuse_too_large(max_bytes);
    }
    return out;
}

}  // namespace ringpress
