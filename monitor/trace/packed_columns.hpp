// Columns of numbers for a web page: little endian arrays one after another, deflated, in base64.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringpress {

class PackedColumns {
  public:
    PackedColumns();
    ~PackedColumns();
    PackedColumns(const PackedColumns&) = delete;
    PackedColumns& operator=(const PackedColumns&) = delete;

    /// Each array begins at a multiple of 8 bytes.
    void add(std::string_view name, std::span<const std::uint8_t> values);
    void add(std::string_view name, std::span<const std::uint16_t> values);
    void add(std::string_view name, std::span<const std::uint32_t> values);

    struct Column {
        std::string name;
        std::string_view type;  ///< u8, u16, u32
        std::size_t length;
    };
    const std::vector<Column>& columns() const { return columns_; }

    /// No more will be added: all of it, as base64.
    std::string finish();

  private:
    template <class T>
    void add_array(std::string_view name, std::string_view type, std::span<const T> values);
    void deflate(const void* bytes, std::size_t size, bool last);

    struct Stream;
    Stream* stream_;
    std::vector<Column> columns_;
    std::string packed_;
};

/// RFC 4648, section 4.
std::string base64(std::string_view bytes);

}  // namespace ringpress
