#include "monitor/boot/decompress.hpp"

#include <bzlib.h>
#include <lz4.h>
#include <lzma.h>
#include <lzo/lzo1x.h>
#include <zlib.h>
#include <zstd.h>

#include <catch2/catch.hpp>
#include <random>

#include "monitor/boot/bzimage.hpp"
#include "tests/monitor/boot/images.hpp"

using namespace ringpress;
using namespace ringpress::test;
using Catch::Matchers::Contains;

namespace {

constexpr Compression kAll[] = {Compression::gzip, Compression::bzip2, Compression::lzma, Compression::xz,
                                Compression::lzo,  Compression::lz4,   Compression::zstd};

/// Half of it shrinks, half does not.
Bytes sample(std::size_t size) {
    std::mt19937 random(7);
    Bytes bytes(size, std::byte{0x42});
    for (std::size_t i = 0; i < size / 2; ++i) bytes[i] = static_cast<std::byte>(random());
    return bytes;
}

Bytes pack_gzip(const Bytes& plain) {
    Bytes packed(plain.size() * 2 + 1024);
    z_stream s{};
    REQUIRE(deflateInit2(&s, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    s.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(plain.data()));
    s.avail_in = static_cast<unsigned>(plain.size());
    s.next_out = reinterpret_cast<Bytef*>(packed.data());
    s.avail_out = static_cast<unsigned>(packed.size());
    REQUIRE(deflate(&s, Z_FINISH) == Z_STREAM_END);
    packed.resize(s.total_out);
    deflateEnd(&s);
    return packed;
}

Bytes pack_bzip2(const Bytes& plain) {
    Bytes packed(plain.size() * 2 + 1024);
    auto size = static_cast<unsigned>(packed.size());
    REQUIRE(BZ2_bzBuffToBuffCompress(reinterpret_cast<char*>(packed.data()), &size,
                                     reinterpret_cast<char*>(const_cast<std::byte*>(plain.data())),
                                     static_cast<unsigned>(plain.size()), 6, 0, 0) == BZ_OK);
    packed.resize(size);
    return packed;
}

Bytes pack_lzma(const Bytes& plain, bool xz) {
    lzma_stream s = LZMA_STREAM_INIT;
    lzma_options_lzma options;
    lzma_lzma_preset(&options, 6);
    REQUIRE((xz ? lzma_easy_encoder(&s, 6, LZMA_CHECK_CRC32) : lzma_alone_encoder(&s, &options)) == LZMA_OK);
    Bytes packed(plain.size() * 2 + 1024);
    s.next_in = reinterpret_cast<const std::uint8_t*>(plain.data());
    s.avail_in = plain.size();
    s.next_out = reinterpret_cast<std::uint8_t*>(packed.data());
    s.avail_out = packed.size();
    REQUIRE(lzma_code(&s, LZMA_FINISH) == LZMA_STREAM_END);
    packed.resize(s.total_out);
    lzma_end(&s);
    return packed;
}

void put_big_endian(Bytes& bytes, std::uint32_t value, unsigned width) {
    for (unsigned i = width; i-- > 0;) bytes.push_back(static_cast<std::byte>(value >> (8 * i)));
}

/// As lzop writes it, in blocks of 4 KiB with a checksum of the unpacked bytes.
Bytes pack_lzo(const Bytes& plain) {
    Bytes packed;
    for (const char c : std::string("\x89LZO\0\r\n\x1A\n", 9)) packed.push_back(static_cast<std::byte>(c));
    for (const std::uint32_t half : {0x1030u, 0x2080u, 0x0940u}) put_big_endian(packed, half, 2);
    put_big_endian(packed, 1, 1);  // LZO1X-1
    put_big_endian(packed, 5, 1);
    for (const std::uint32_t word : {1u, 0u, 0u, 0u}) put_big_endian(packed, word, 4);
    put_big_endian(packed, 3, 1);
    for (const char c : std::string("abc")) packed.push_back(static_cast<std::byte>(c));
    put_big_endian(packed, 0, 4);
    std::vector<unsigned char> work(LZO1X_1_MEM_COMPRESS), block(8192);
    for (std::size_t at = 0; at < plain.size(); at += 4096) {
        const std::size_t length = std::min<std::size_t>(4096, plain.size() - at);
        lzo_uint size = block.size();
        const auto* from = reinterpret_cast<const unsigned char*>(&plain[at]);
        REQUIRE(lzo1x_1_compress(from, length, block.data(), &size, work.data()) == LZO_E_OK);
        const bool stored = size >= length;
        if (stored) size = length;
        put_big_endian(packed, static_cast<std::uint32_t>(length), 4);
        put_big_endian(packed, static_cast<std::uint32_t>(size), 4);
        put_big_endian(packed, 0, 4);
        const auto* bytes = reinterpret_cast<const std::byte*>(stored ? from : block.data());
        packed.insert(packed.end(), bytes, bytes + size);
    }
    put_big_endian(packed, 0, 4);
    return packed;
}

Bytes pack_lz4(const Bytes& plain) {
    Bytes packed;
    put<std::uint32_t>(packed, 0, 0x184C2102);
    constexpr std::size_t kBlock = 8u << 20;
    for (std::size_t at = 0; at < plain.size(); at += kBlock) {
        const auto length = static_cast<int>(std::min(kBlock, plain.size() - at));
        std::vector<char> block(static_cast<std::size_t>(LZ4_compressBound(length)));
        const int size = LZ4_compress_default(reinterpret_cast<const char*>(&plain[at]), block.data(), length,
                                              static_cast<int>(block.size()));
        put(packed, packed.size(), static_cast<std::uint32_t>(size));
        const auto* bytes = reinterpret_cast<const std::byte*>(block.data());
        packed.insert(packed.end(), bytes, bytes + size);
    }
    return packed;
}

Bytes pack_zstd(const Bytes& plain) {
    Bytes packed(ZSTD_compressBound(plain.size()));
    packed.resize(ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), 3));
    return packed;
}

Bytes pack(const Bytes& plain, Compression compression) {
    switch (compression) {
        case Compression::gzip: return pack_gzip(plain);
        case Compression::bzip2: return pack_bzip2(plain);
        case Compression::lzma: return pack_lzma(plain, false);
        case Compression::xz: return pack_lzma(plain, true);
        case Compression::lzo: return pack_lzo(plain);
        case Compression::lz4: return pack_lz4(plain);
        case Compression::zstd: break;
    }
    return pack_zstd(plain);
}

std::string error_of(const Bytes& packed, Compression compression, std::size_t max_bytes = 64u << 20) {
    try {
        decompress(packed, compression, max_bytes);
        return "";
    } catch (const std::runtime_error& error) {
        return error.what();
    }
}

}  // namespace

TEST_CASE("Each format is recognised and unpacks to what was packed, whatever follows it") {
    for (const Compression compression : kAll) {
        INFO(name(compression));
        for (const std::size_t size : {1u, 5000u, 300000u}) {
            const Bytes plain = sample(size);
            Bytes packed = pack(plain, compression);
            CHECK(compression_of(packed) == compression);
            CHECK(decompress(packed, compression, 1u << 20) == plain);
            // A bzImage has the unpacked size behind its payload, in all formats but gzip, which has its own.
            put(packed, packed.size(), static_cast<std::uint32_t>(size));
            CHECK(decompress(packed, compression, 1u << 20) == plain);
        }
    }
}

TEST_CASE("An LZ4 frame may have several blocks") {
    const Bytes plain = sample(20u << 20);
    CHECK(decompress(pack_lz4(plain), Compression::lz4, 64u << 20) == plain);
}

TEST_CASE("Data that unpacks to more than is allowed is refused, however small it is") {
    const Bytes zeros(16u << 20);
    for (const Compression compression : kAll) {
        INFO(name(compression));
        CHECK_THAT(error_of(pack(zeros, compression), compression, 1u << 20), Contains("more than 1 MiB"));
    }
}

TEST_CASE("Packed data that ends early is refused in one line") {
    const Bytes plain = sample(20000);
    for (const Compression compression : kAll) {
        INFO(name(compression));
        const Bytes packed = pack(plain, compression);
        for (std::size_t length = 10; length + 8 < packed.size(); length += 501) {
            INFO("length " << length);
            const Bytes cut(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(length));
            CHECK_THAT(error_of(cut, compression), Contains("damaged or ends early"));
        }
    }
}

TEST_CASE("Damaged data is refused or unpacks to something, and never does worse") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const Bytes plain = sample(8000);
    for (const Compression compression : kAll) {
        INFO(name(compression));
        const Bytes packed = pack(plain, compression);
        for (int round = 0; round < 200; ++round) {
            Bytes bent = packed;
            for (int i = 0; i < 3; ++i)
                bent[random() % bent.size()] ^= static_cast<std::byte>(1u << random() % 8);
            const std::string error = error_of(bent, compression, 1u << 20);
            CHECK_THAT(error,
                       Catch::Matchers::Equals("") || Contains("damaged") || Contains("more than 1 MiB"));
        }
    }
}

TEST_CASE("A bzImage unpacks to the kernel in it, and says what it moves by") {
    const Bytes kernel = plain_elf();
    for (const Compression compression : kAll) {
        const Bytes payload = pack(kernel, compression);
        Bytes image = bzimage();
        put<std::uint32_t>(image, 0x248, 0x100);
        put(image, 0x24C, static_cast<std::uint32_t>(payload.size()));
        image.resize(1024 + 0x100);
        image.insert(image.end(), payload.begin(), payload.end());
        const UnpackedKernel unpacked = unpack_bzimage(image);
        CHECK(unpacked.elf == kernel);
        CHECK(unpacked.compression == compression);
        CHECK(unpacked.alignment == 0x100000);
    }
}

TEST_CASE("A bzImage that cannot be unpacked says why") {
    const auto error_of_image = [](const Bytes& image) -> std::string {
        try {
            unpack_bzimage(image);
            return "";
        } catch (const std::runtime_error& error) {
            return error.what();
        }
    };
    Bytes image = bzimage();
    put<std::uint32_t>(image, 0x248, 0x10);
    put<std::uint32_t>(image, 0x24C, 0x100);
    CHECK_THAT(error_of_image(image), Contains("packed in a way"));
    put<std::uint32_t>(image, 0x24C, 0xFFFFFFF0);
    CHECK_THAT(error_of_image(image), Contains("truncated"));
    put<std::uint32_t>(image, 0x248, 0xFFFFFFF0);
    CHECK_THAT(error_of_image(image), Contains("truncated"));
    put<std::uint16_t>(image, 0x206, 0x207);
    CHECK_THAT(error_of_image(image), Contains("2.6.26"));
}
