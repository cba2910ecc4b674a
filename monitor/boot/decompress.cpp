#include "monitor/boot/decompress.hpp"

#include <bzlib.h>
#include <fmt/format.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <climits>
#include <memory>
#include <stdexcept>

#include "monitor/boot/decompress_blocks.hpp"

namespace ringpress {

void refuse_too_large(std::size_t max_bytes) {
    throw std::runtime_error(
        fmt::format("the compressed data unpacks to more than {} MiB; that is no kernel", max_bytes >> 20));
}
void refuse_damaged(const char* format) {
    throw std::runtime_error(fmt::format("the {} data is damaged or ends early; get the file again", format));
}

namespace {

/// Output that doubles as it fills up.
class Output {
  public:
    Output(Image packed, std::size_t max_bytes)
        : bytes_(std::min(max_bytes, std::max<std::size_t>(packed.size() * 4, 1u << 16))),
          max_bytes_(max_bytes) {}

    /// Room for at least one byte.
    std::span<std::byte> room() {
        if (used_ == bytes_.size()) {
            if (used_ == max_bytes_) refuse_too_large(max_bytes_);
            bytes_.resize(std::min(max_bytes_, used_ * 2));
        }
        return std::span(bytes_).subspan(used_);
    }
    void add(std::size_t count) { used_ += count; }
    std::vector<std::byte> finish() {
        bytes_.resize(used_);
        return std::move(bytes_);
    }

  private:
    std::vector<std::byte> bytes_;
    std::size_t used_ = 0;
    std::size_t max_bytes_;
};

/// zlib and bzlib count in unsigned int.
unsigned clip(std::size_t size) {
    return static_cast<unsigned>(std::min<std::size_t>(size, INT_MAX));
}

std::vector<std::byte> decompress_gzip(Image packed, Output out) {
    z_stream stream{};
    constexpr int kGzipWindow = 15 + 16;  // zlib.h: 16 more means a gzip header
    if (inflateInit2(&stream, kGzipWindow) != Z_OK) throw std::bad_alloc();
    const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, inflateEnd);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
    stream.avail_in = clip(packed.size());
    for (int status = Z_OK; status != Z_STREAM_END;) {
        const auto room = out.room();
        stream.next_out = reinterpret_cast<Bytef*>(room.data());
        stream.avail_out = clip(room.size());
        const unsigned offered = stream.avail_out;
        status = inflate(&stream, Z_NO_FLUSH);
        if (status != Z_OK && status != Z_STREAM_END) refuse_damaged("gzip");
        out.add(offered - stream.avail_out);
    }
    return out.finish();
}

std::vector<std::byte> decompress_bzip2(Image packed, Output out) {
    bz_stream stream{};
    if (BZ2_bzDecompressInit(&stream, 0, 0) != BZ_OK) throw std::bad_alloc();
    const std::unique_ptr<bz_stream, int (*)(bz_stream*)> end(&stream, BZ2_bzDecompressEnd);
    stream.next_in = reinterpret_cast<char*>(const_cast<std::byte*>(packed.data()));
    stream.avail_in = clip(packed.size());
    for (int status = BZ_OK; status != BZ_STREAM_END;) {
        const auto room = out.room();
        stream.next_out = reinterpret_cast<char*>(room.data());
        stream.avail_out = clip(room.size());
        const unsigned offered = stream.avail_out;
        status = BZ2_bzDecompress(&stream);
        const bool stuck = status == BZ_OK && stream.avail_in == 0 && stream.avail_out == offered;
        if (stuck || (status != BZ_OK && status != BZ_STREAM_END)) refuse_damaged("bzip2");
        out.add(offered - stream.avail_out);
    }
    return out.finish();
}

/// xz, and the older format of the .lzma suffix.
std::vector<std::byte> decompress_lzma(Image packed, Compression compression, Output out) {
    const bool is_xz = compression == Compression::xz;
    lzma_stream stream = LZMA_STREAM_INIT;
    const lzma_ret opened =
        is_xz ? lzma_stream_decoder(&stream, UINT64_MAX, 0) : lzma_alone_decoder(&stream, UINT64_MAX);
    if (opened != LZMA_OK) throw std::bad_alloc();
    const std::unique_ptr<lzma_stream, void (*)(lzma_stream*)> end(&stream, lzma_end);
    stream.next_in = reinterpret_cast<const std::uint8_t*>(packed.data());
    stream.avail_in = packed.size();
    for (lzma_ret status = LZMA_OK; status != LZMA_STREAM_END;) {
        const auto room = out.room();
        stream.next_out = reinterpret_cast<std::uint8_t*>(room.data());
        stream.avail_out = room.size();
        status = lzma_code(&stream, LZMA_RUN);
        if (status != LZMA_OK && status != LZMA_STREAM_END) refuse_damaged(is_xz ? "xz" : "LZMA");
        out.add(room.size() - stream.avail_out);
    }
    return out.finish();
}

std::vector<std::byte> decompress_zstd(Image packed, Output out) {
    const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
    if (!context) throw std::bad_alloc();
    // Linux' build packs with level 22, whose window is wider than the library takes by default.
    ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, 31);
    ZSTD_inBuffer in{packed.data(), packed.size(), 0};
    for (std::size_t more = 1; more != 0;) {
        const auto room = out.room();
        ZSTD_outBuffer to{room.data(), room.size(), 0};
        more = ZSTD_decompressStream(context.get(), &to, &in);
        const bool stuck = more != 0 && in.pos == in.size && to.pos < to.size;
        if (ZSTD_isError(more) || stuck) refuse_damaged("Zstandard");
        out.add(to.pos);
    }
    return out.finish();
}

struct Format {
    Compression compression;
    std::string_view name;
    std::string_view magic;
};
using namespace std::string_view_literals;
constexpr Format kFormats[] = {
    {Compression::gzip, "gzip", "\x1F\x8B"sv},
    {Compression::bzip2, "bzip2", "BZh"sv},
    {Compression::lzma, "LZMA", "\x5D\x00\x00"sv},
    {Compression::xz, "xz", "\xFD\x37\x7A\x58\x5A\x00"sv},
    {Compression::lzo, "LZO", "\x89\x4C\x5A\x4F\x00\x0D\x0A\x1A\x0A"sv},
    {Compression::lz4, "LZ4", "\x02\x21\x4C\x18"sv},
    {Compression::zstd, "Zstandard", "\x28\xB5\x2F\xFD"sv},
};

}  // namespace

std::string_view name(Compression compression) {
    return kFormats[static_cast<unsigned>(compression)].name;
}

std::optional<Compression> compression_of(Image packed) {
    for (const Format& format : kFormats) {
        if (holds(packed, 0, format.magic.size()) &&
            std::memcmp(packed.data(), format.magic.data(), format.magic.size()) == 0)
            return format.compression;
    }
    return std::nullopt;
}

std::vector<std::byte> decompress(Image packed, Compression compression, std::size_t max_bytes) {
    Output out(packed, max_bytes);
    switch (compression) {
        case Compression::gzip: return decompress_gzip(packed, std::move(out));
        case Compression::bzip2: return decompress_bzip2(packed, std::move(out));
        case Compression::lzma:
        case Compression::xz: return decompress_lzma(packed, compression, std::move(out));
        case Compression::lzo: return decompress_lzo(packed, max_bytes);
        case Compression::lz4: return decompress_lz4(packed, max_bytes);
        case Compression::zstd: break;
    }
    return decompress_zstd(packed, std::move(out));
}

}  // namespace ringpress
