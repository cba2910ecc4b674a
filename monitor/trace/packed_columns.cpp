#include "monitor/trace/packed_columns.hpp"

#include <zlib.h>

#include <algorithm>
#include <new>

#include "shadow/check.hpp"

namespace ringpress {

struct PackedColumns::Stream {
    z_stream z{};
};

PackedColumns::PackedColumns() : stream_(new Stream) {
    constexpr int kLevel = 4;  // a third of the time of 9, for a tenth more bytes
    if (deflateInit(&stream_->z, kLevel) != Z_OK) {
        delete stream_;
        throw std::bad_alloc();
    }
}

PackedColumns::~PackedColumns() {
    deflateEnd(&stream_->z);
    delete stream_;
}

void PackedColumns::deflate(const void* bytes, std::size_t size, bool last) {
    z_stream& z = stream_->z;
    constexpr std::size_t kMostAtOnce = 1 << 30;  // avail_in has 32 bits
    const auto* at = static_cast<const std::uint8_t*>(bytes);
    do {
        const std::size_t now = std::min(size, kMostAtOnce);
        z.next_in = const_cast<Bytef*>(at);
        z.avail_in = static_cast<uInt>(now);
        at += now;
        size -= now;
        std::uint8_t room[65536];
        do {
            z.next_out = room;
            z.avail_out = sizeof room;
            const int result = ::deflate(&z, last && size == 0 ? Z_FINISH : Z_NO_FLUSH);
            CHECK(result != Z_STREAM_ERROR);
            packed_.append(reinterpret_cast<const char*>(room), sizeof room - z.avail_out);
        } while (z.avail_out == 0);
    } while (size != 0);
}

template <class T>
void PackedColumns::add_array(std::string_view name, std::string_view type, std::span<const T> values) {
    columns_.push_back({std::string(name), type, values.size()});
    deflate(values.data(), values.size_bytes(), false);
    constexpr std::uint64_t kZeros = 0;
    deflate(&kZeros, (8 - values.size_bytes() % 8) % 8, false);
}

void PackedColumns::add(std::string_view name, std::span<const std::uint8_t> values) {
    add_array(name, "u8", values);
}
void PackedColumns::add(std::string_view name, std::span<const std::uint16_t> values) {
    add_array(name, "u16", values);
}
void PackedColumns::add(std::string_view name, std::span<const std::uint32_t> values) {
    add_array(name, "u32", values);
}

std::string PackedColumns::finish() {
    deflate(nullptr, 0, true);
    return base64(packed_);
}

std::string base64(std::string_view bytes) {
    constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k)
            group = group << 8 | (k < have ? static_cast<std::uint8_t>(bytes[i + k]) : 0u);
        for (std::size_t k = 0; k < 4; ++k) text += k <= have ? kDigits[group >> (18 - 6 * k) & 63u] : '=';
    }
    return text;
}

}  // namespace ringpress
