#include "monitor/symbols/symbol_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <string_view>

namespace ringpress {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view next_word(std::string_view& line) {
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
    const std::size_t length = std::min(line.find_first_of(kBlanks), line.size());
    const std::string_view word = line.substr(0, length);
    line.remove_prefix(length);
    return word;
}

struct Line {
    std::uint64_t address;
    char type;
    std::string_view name, rest;
};

/// nm writes a symbol that has no address, such as an undefined one, without: that is no Line.
std::optional<Line> parse_line(std::string_view text) {
    const std::string_view address = next_word(text), type = next_word(text), name = next_word(text);
    Line line{0, type.empty() ? '\0' : type[0], name, next_word(text)};
    const auto [end, error] =
        std::from_chars(address.data(), address.data() + address.size(), line.address, 16);
    if (error != std::errc() || end != address.data() + address.size()) return std::nullopt;
    if (type.size() != 1 || name.empty()) return std::nullopt;
    return line;
}

bool is_undefined(std::string_view text) {
    const std::string_view type = next_word(text), name = next_word(text);
    return (type == "U" || type == "w" || type == "v") && !name.empty();
}

std::string_view as_text(Image bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

bool looks_like_symbol_text(Image bytes) {
    const std::string_view text = as_text(bytes.subspan(0, std::min<std::size_t>(bytes.size(), 4096)));
    const std::string_view first = text.substr(0, text.find('\n'));
    return parse_line(first) || is_undefined(first);
}

std::vector<Symbol> parse_symbol_text(Image bytes) {
    std::vector<Symbol> symbols;
    std::string_view text = as_text(bytes);
    std::uint64_t all = 0;
    for (unsigned number = 1; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line_text = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line_text.find_first_not_of(kBlanks) == std::string_view::npos || is_undefined(line_text))
            continue;
        const auto line = parse_line(line_text);
        if (!line)
            throw std::runtime_error(
                fmt::format("line {} is not an address, a letter and a name, as nm writes them", number));
        if (line->address >> 32)
            throw std::runtime_error(fmt::format(
                "line {} has an address of more than 32 bits: these are symbols of a 64-bit kernel", number));
        if (line->rest.starts_with('[')) continue;
        all |= line->address;
        symbols.push_back(
            {static_cast<std::uint32_t>(line->address), 0, std::string(line->name), line->type});
    }
    if (!symbols.empty() && all == 0)
        throw std::runtime_error("all addresses are zero: read /proc/kallsyms as the guest's root");
    return symbols;
}

}  // namespace ringpress
