// Reads little-endian fields of a file image that may be shorter than it claims.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <stdexcept>
#include <type_traits>

namespace ringpress {

using Image = std::span<const std::byte>;

/// True if `length` bytes at `offset` lie within the image.  Any values may be passed: nothing overflows.
constexpr bool holds(Image image, std::uint64_t offset, std::uint64_t length) {
    return offset <= image.size() && length <= image.size() - offset;
}

/// A field, or nothing where the image ends before it.
template <class T>
std::optional<T> peek(Image image, std::uint64_t offset) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (!holds(image, offset, sizeof(T))) return std::nullopt;
    T value;
    std::memcpy(&value, image.data() + offset, sizeof(T));
    return value;
}

/// A field that the caller has made sure is there, or an exception in one line.
template <class T>
T field(Image image, std::uint64_t offset) {
    const std::optional<T> value = peek<T>(image, offset);
    if (!value) throw std::runtime_error("the file is truncated: it ends within a header; get it again");
    return *value;
}

}  // namespace ringpress
