#include "monitor/control/memory_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>
#include <stdexcept>

#include "traps/decode.hpp"

namespace ringpress {

namespace {

constexpr unsigned kMaxCount = 65536;
constexpr unsigned kBytesPerInstructionLine = 8;

/// A character in quotes, or its code in hexadecimal.
std::string character(std::uint64_t value) {
    switch (value) {
        case '\'': return R"('\'')";
        case '\\': return R"('\\')";
        case '\n': return R"('\n')";
        case '\r': return R"('\r')";
        default: break;
    }
    if (value >= 32 && value <= 126) return fmt::format("'{}'", static_cast<char>(value));
    return fmt::format("'\\x{:02x}'", value);
}

/// How many characters an item of `size` bytes takes at most.
unsigned digits(char letter, unsigned size) {
    switch (letter) {
        case 'o': return (size * 8 + 2) / 3;
        case 'u':
        case 'd': return (size * 8 * 10 + 32) / 33;
        default: return size * 2;
    }
}

std::string item(std::uint64_t value, char letter, unsigned size) {
    const unsigned width = digits(letter, size);
    switch (letter) {
        case 'o': return fmt::format("{:>#{}o}", value, width);
        case 'u': return fmt::format("{:>{}}", value, width);
        case 'd': {
            const unsigned unused = 64 - size * 8;
            return fmt::format("{:>{}}", static_cast<std::int64_t>(value << unused) >> unused, width);
        }
        case 'c': return character(value);
        default: return fmt::format("0x{:0{}x}", value, width);
    }
}

std::string instructions(const GuestAccess& guest, std::uint32_t address, bool physical, unsigned count) {
    Decoder decoder;
    const VCpu cpu = guest.cpu();
    // Without protection, or in a 16-bit segment, code is 16-bit code.
    const unsigned code_size = cpu.segment(Seg::cs).is_big() ? 4 : 2;
    std::string text;
    for (; count > 0; --count) {
        std::uint8_t bytes[16];
        const std::size_t there = physical ? guest.read(gpa(address), bytes, sizeof bytes)
                                           : guest.read(gva(address), bytes, sizeof bytes);
        if (there == 0) return text + fmt::format("0x{:08x}:  Cannot access memory\n", address);
        const AssemblerText insn = decoder.att(bytes, there, address, code_size);
        for (unsigned first = 0; first < insn.length; first += kBytesPerInstructionLine) {
            std::string hex;
            for (unsigned i = first; i < std::min(insn.length, first + kBytesPerInstructionLine); ++i)
                hex += fmt::format(" {:02x}", bytes[i]);
            text += fmt::format("0x{:08x}: {}", address + first, hex);
            if (first == 0)
                text += std::string(kBytesPerInstructionLine * 3 - hex.size(), ' ') +
                        fmt::format("  {:<8} {}", insn.mnemonic, insn.operands);
            text += "\n";
        }
        address += insn.length;
    }
    return text;
}

}  // namespace

MemoryFormat take_memory_format(std::string_view& text, MemoryFormat& last) {
    MemoryFormat format = last;
    format.count = 1;
    if (text.empty() || text[0] != '/') return format;
    text.remove_prefix(1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), format.count);
    if (error == std::errc::result_out_of_range || format.count > kMaxCount)
        throw std::runtime_error(fmt::format("count too large: {} at most", kMaxCount));
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    for (; !text.empty() && !std::isspace(static_cast<unsigned char>(text[0])); text.remove_prefix(1)) {
        switch (text[0]) {
            case 'o':
            case 'd':
            case 'u':
            case 'x':
            case 'i':
            case 'c': format.letter = text[0]; break;
            case 'b': format.size = 1; break;
            case 'h': format.size = 2; break;
            case 'w': format.size = 4; break;
            case 'g':
            case 'L': format.size = 8; break;
            default: throw std::runtime_error(fmt::format("invalid char in format: '{}'", text[0]));
        }
    }
    last = format;
    return format;
}

std::string dump_memory(const GuestAccess& guest, std::uint32_t address, bool physical,
                        const MemoryFormat& format) {
    if (format.letter == 'i') return instructions(guest, address, physical, format.count);
    const unsigned size = format.letter == 'c' ? 1 : format.size;
    const unsigned line = size == 1 ? 8 : 16;
    std::string text;
    for (std::uint64_t left = std::uint64_t{size} * format.count; left > 0;) {
        text += physical ? fmt::format("{:016x}:", address) : fmt::format("{:08x}:", address);
        const auto wanted = static_cast<unsigned>(std::min<std::uint64_t>(left, line));
        std::uint8_t bytes[16] = {};
        const std::size_t there =
            physical ? guest.read(gpa(address), bytes, wanted) : guest.read(gva(address), bytes, wanted);
        if (there < wanted) return text + " Cannot access memory\n";
        for (unsigned i = 0; i < wanted; i += size) {
            std::uint64_t value = 0;
            std::memcpy(&value, bytes + i, size);
            text += fmt::format(" {}", item(value, format.letter, size));
        }
        text += "\n";
        address += wanted;
        left -= wanted;
    }
    return text;
}

std::string format_value(std::int64_t value, char letter) {
    switch (letter) {
        case 'o': return fmt::format("{:#o}", static_cast<std::uint64_t>(value));
        case 'u': return fmt::format("{}", static_cast<std::uint64_t>(value));
        case 'd': return fmt::format("{}", value);
        case 'c': return character(static_cast<std::uint64_t>(value));
        default: return value == 0 ? "0" : fmt::format("{:#x}", static_cast<std::uint64_t>(value));
    }
}

}  // namespace ringpress
