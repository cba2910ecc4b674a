// Packets of the GDB remote protocol: $payload#checksum, and what stands between them.
//
// The bytes come from a socket: whatever they are, nothing here grows beyond kMostPacket or goes wrong.
// Source: "Debugging with GDB", appendix E.1, Overview.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ringpress {

/// The longest payload either side may send, in bytes.
inline constexpr std::size_t kMostPacket = 0x4000;

/// One thing that was received.
struct GdbInput {
    enum class What : std::uint8_t {
        packet,     ///< whole, and its checksum right; `payload` is what stands in it, still escaped
        damaged,    ///< its checksum is wrong: ask for it again
        oversized,  ///< more than kMostPacket: it is lost
        interrupt,  ///< Ctrl-C
        ack,
        nack,
    } what = What::packet;
    std::string payload;
};

class GdbReader {
  public:
    /// The next thing that `bytes` completes; what was used up is removed from it.  Nothing: all of it was
    /// used up.
    std::optional<GdbInput> next(std::string_view& bytes);

  private:
    std::optional<GdbInput> take(char c);
    enum class Within : std::uint8_t {
        nothing,
        payload,
        first_digit,
        second_digit
    } within_ = Within::nothing;
    std::string payload_;
    bool oversized_ = false;
    std::uint8_t sum_ = 0;
    char first_digit_ = 0;
};

/// $payload#checksum.  The payload holds no bytes that would need an escape, or has them escaped already.
std::string gdb_packet(std::string_view payload);

/// Two hexadecimal digits a byte.
std::string to_hex(std::span<const std::uint8_t> bytes);
std::string to_hex(std::string_view text);
/// Nothing if it is not an even number of digits.
std::optional<std::string> from_hex(std::string_view digits);
/// Takes the escapes of binary data out, appendix E.1.
std::string unescape(std::string_view data);
/// A hexadecimal number at the start of `text`, which it is removed from; nothing if there is none, or one of
/// more than 64 bits.
std::optional<std::uint64_t> take_hex(std::string_view& text);
/// True, and `prefix` removed, if `text` begins with it.
bool take_prefix(std::string_view& text, std::string_view prefix);

}  // namespace ringpress
