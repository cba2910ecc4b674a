#include "monitor/symbols/kallsyms.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace ringpress {
namespace {

constexpr unsigned kTokens = 256;
constexpr unsigned kMarkerStep = 256;  ///< one marker for so many names
constexpr std::uint32_t kMinSymbols = 256, kMaxSymbols = 1u << 20;

constexpr std::uint64_t align4(std::uint64_t offset) {
    return (offset + 3) & ~std::uint64_t{3};
}

struct TokenTable {
    std::uint64_t begin = 0, end = 0;  ///< of the strings
    std::uint64_t index_end = 0;       ///< behind the table of their offsets
    std::array<std::string_view, kTokens> token;
};

/// 256 strings, and the same positions once more in the index that follows: nothing else looks so.
std::optional<TokenTable> tokens_at(Image image, std::uint64_t begin) {
    TokenTable table;
    table.begin = begin;
    std::array<std::uint16_t, kTokens> offset;
    std::uint64_t at = begin;
    for (unsigned i = 0; i < kTokens; ++i) {
        if (at >= image.size() || at - begin > 0xFFFF) return std::nullopt;
        const char* text = reinterpret_cast<const char*>(image.data()) + at;
        const std::size_t length = strnlen(text, std::min<std::size_t>(image.size() - at, 1024));
        table.token[i] = {text, length};
        offset[i] = static_cast<std::uint16_t>(at - begin);
        at += length + 1;
    }
    table.end = at;
    const std::uint64_t index = align4(at);
    if (!holds(image, index, sizeof offset)) return std::nullopt;
    if (std::memcmp(image.data() + index, offset.data(), sizeof offset) != 0) return std::nullopt;
    table.index_end = index + sizeof offset;
    return table;
}

/// A character that occurs in names stands for itself, and every kernel has names with digits.
std::optional<TokenTable> find_tokens(Image image) {
    using namespace std::string_view_literals;
    constexpr std::string_view kDigits = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009\0"sv;
    const std::string_view text(reinterpret_cast<const char*>(image.data()), image.size());
    for (std::size_t at = text.find(kDigits); at != text.npos; at = text.find(kDigits, at + 1)) {
        // Back over the tokens 0x2F to 0: each ends where a zero byte is.
        std::uint64_t begin = at;
        for (unsigned i = 0; i < '0' && begin >= 2; ++i) {
            const std::size_t zero = text.rfind('\0', begin - 2);
            begin = zero == text.npos ? 0 : zero + 1;
        }
        if (begin % 4 != 0) continue;
        if (auto table = tokens_at(image, begin)) return table;
    }
    return std::nullopt;
}

/// The tokens of one name, and where the next begins.
struct PackedName {
    Image tokens;
    std::uint64_t next = 0;
};

std::optional<PackedName> name_at(Image image, std::uint64_t at) {
    const auto first = peek<std::uint8_t>(image, at);
    if (!first) return std::nullopt;
    std::uint32_t length = *first;
    ++at;
    if (length & 0x80) {  // since 6.1, longer ones have a second length byte
        const auto second = peek<std::uint8_t>(image, at);
        if (!second) return std::nullopt;
        length = (length & 0x7F) | static_cast<std::uint32_t>(*second) << 7;
        ++at;
    }
    if (length == 0 || !holds(image, at, length)) return std::nullopt;
    return PackedName{image.subspan(at, length), at + length};
}

/// The type's letter, then the name.
std::string expand(Image tokens, const TokenTable& table) {
    std::string text;
    for (const std::byte b : tokens) text += table.token[std::to_integer<unsigned>(b)];
    return text;
}

bool is_symbol(std::string_view text) {
    if (text.size() < 2 || !((text[0] >= 'A' && text[0] <= 'Z') || (text[0] >= 'a' && text[0] <= 'z')))
        return false;
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

/// The end of `count` names from `at`, if the markers behind them say the same.
std::optional<std::uint64_t> check_names(Image image, const TokenTable& table, std::uint64_t at,
                                         std::uint32_t count) {
    std::vector<std::uint32_t> markers;
    const std::uint64_t begin = at;
    for (std::uint32_t i = 0; i < count; ++i) {
        if (i % kMarkerStep == 0) markers.push_back(static_cast<std::uint32_t>(at - begin));
        const auto name = name_at(image, at);
        if (!name || name->next > table.begin) return std::nullopt;
        if (i < 4 && !is_symbol(expand(name->tokens, table))) return std::nullopt;
        at = name->next;
    }
    const std::uint64_t bytes = markers.size() * sizeof markers[0];
    if (!holds(image, align4(at), bytes)) return std::nullopt;
    if (std::memcmp(image.data() + align4(at), markers.data(), bytes) != 0) return std::nullopt;
    return at;
}

struct Names {
    std::uint64_t count_at = 0;  ///< of kallsyms_num_syms
    std::uint32_t count = 0;
    std::uint64_t begin = 0;
};

/// The number of symbols, and the names right behind it, lie before the tokens in every version.
std::optional<Names> find_names(Image image, const TokenTable& table) {
    for (std::uint64_t at = table.begin; at >= 4;) {
        at -= 4;
        const auto count = field<std::uint32_t>(image, at);
        if (count < kMinSymbols || count > kMaxSymbols) continue;
        if (check_names(image, table, at + 4, count)) return Names{at, count, at + 4};
    }
    return std::nullopt;
}

/// `count` numbers in ascending order, or nothing.
std::optional<std::vector<std::uint32_t>> ascending(Image image, std::uint64_t at, std::uint32_t count) {
    std::vector<std::uint32_t> values(count);
    if (!holds(image, at, count * sizeof values[0])) return std::nullopt;
    std::memcpy(values.data(), image.data() + at, count * sizeof values[0]);
    if (!std::is_sorted(values.begin(), values.end()) || values.front() == values.back()) return std::nullopt;
    return values;
}

/// Where the addresses are depends on the version: whole ones before the names (until 4.5, or without
/// CONFIG_KALLSYMS_BASE_RELATIVE), offsets and their base there (4.6 to 6.3), or behind the tokens (6.4 on).
std::optional<std::vector<std::uint32_t>> find_addresses(Image image, const TokenTable& table,
                                                         const Names& names) {
    const std::uint64_t bytes = std::uint64_t{names.count} * 4;
    const auto relative = [&](std::uint64_t offsets_at) -> std::optional<std::vector<std::uint32_t>> {
        auto values = ascending(image, offsets_at, names.count);
        const auto base = peek<std::uint32_t>(image, offsets_at + bytes);
        if (!values || !base || values->front() != 0) return std::nullopt;
        if (*base > ~std::uint32_t{0} - values->back()) return std::nullopt;
        for (std::uint32_t& value : *values) value += *base;
        return values;
    };
    if (auto found = relative(align4(table.index_end))) return found;
    if (names.count_at >= bytes + 4) {
        if (auto found = relative(names.count_at - 4 - bytes)) return found;
    }
    if (names.count_at >= bytes) return ascending(image, names.count_at - bytes, names.count);
    return std::nullopt;
}

}  // namespace

std::vector<Symbol> kallsyms(Image image) {
    const auto table = find_tokens(image);
    if (!table) return {};
    const auto names = find_names(image, *table);
    if (!names) return {};
    const auto addresses = find_addresses(image, *table, *names);
    if (!addresses) return {};

    std::vector<Symbol> symbols;
    symbols.reserve(names->count);
    std::uint64_t at = names->begin;
    for (std::uint32_t i = 0; i < names->count; ++i) {
        const auto name = name_at(image, at);  // check_names() has been here
        at = name->next;
        const std::string text = expand(name->tokens, *table);
        if (!is_symbol(text)) continue;
        symbols.push_back({(*addresses)[i], 0, text.substr(1), text[0]});
    }
    return symbols;
}

}  // namespace ringpress
