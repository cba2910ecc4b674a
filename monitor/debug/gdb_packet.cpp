#include "monitor/debug/gdb_packet.hpp"

#include <fmt/format.h>

namespace ringpress {

namespace {

constexpr char kInterrupt = 3, kEscape = '}', kEscaped = 0x20;

int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace

std::optional<GdbInput> GdbReader::next(std::string_view& bytes) {
    while (!bytes.empty()) {
        const char c = bytes.front();
        bytes.remove_prefix(1);
        if (std::optional<GdbInput> input = take(c)) return input;
    }
    return std::nullopt;
}

std::optional<GdbInput> GdbReader::take(char c) {
    using What = GdbInput::What;
    switch (within_) {
        case Within::nothing:
            if (c == kInterrupt) return GdbInput{What::interrupt, {}};
            if (c == '+') return GdbInput{What::ack, {}};
            if (c == '-') return GdbInput{What::nack, {}};
            if (c == '$') {
                within_ = Within::payload;
                payload_.clear();
                oversized_ = false;
                sum_ = 0;
            }
            return std::nullopt;
        case Within::payload:
            if (c == '#') {
                within_ = Within::first_digit;
                return std::nullopt;
            }
            sum_ = static_cast<std::uint8_t>(sum_ + static_cast<std::uint8_t>(c));
            if (payload_.size() < kMostPacket)
                payload_ += c;
            else
                oversized_ = true;
            return std::nullopt;
        case Within::first_digit:
            first_digit_ = c;
            within_ = Within::second_digit;
            return std::nullopt;
        case Within::second_digit: break;
    }
    within_ = Within::nothing;
    if (oversized_) return GdbInput{What::oversized, {}};
    const int high = digit(first_digit_), low = digit(c);
    if (high < 0 || low < 0 || high * 16 + low != sum_) return GdbInput{What::damaged, {}};
    return GdbInput{What::packet, std::move(payload_)};
}

std::string gdb_packet(std::string_view payload) {
    std::uint8_t sum = 0;
    for (const char c : payload) sum = static_cast<std::uint8_t>(sum + static_cast<std::uint8_t>(c));
    return fmt::format("${}#{:02x}", payload, sum);
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const std::uint8_t byte : bytes) {
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15];
    }
    return text;
}

std::string to_hex(std::string_view text) {
    return to_hex(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

std::optional<std::string> from_hex(std::string_view digits) {
    if (digits.size() % 2) return std::nullopt;
    std::string bytes;
    for (std::size_t i = 0; i < digits.size(); i += 2) {
        const int high = digit(digits[i]), low = digit(digits[i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        bytes += static_cast<char>(high * 16 + low);
    }
    return bytes;
}

std::string unescape(std::string_view data) {
    std::string bytes;
    for (std::size_t i = 0; i < data.size(); ++i) {
        if (data[i] == kEscape && i + 1 < data.size())
            bytes += static_cast<char>(data[++i] ^ kEscaped);
        else
            bytes += data[i];
    }
    return bytes;
}

std::optional<std::uint64_t> take_hex(std::string_view& text) {
    std::uint64_t value = 0;
    std::size_t n = 0;
    for (; n < text.size() && digit(text[n]) >= 0; ++n) {
        if (value >> 60) return std::nullopt;
        value = value << 4 | static_cast<unsigned>(digit(text[n]));
    }
    if (n == 0) return std::nullopt;
    text.remove_prefix(n);
    return value;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

}  // namespace ringpress
