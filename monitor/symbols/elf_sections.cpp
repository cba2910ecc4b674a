#include "monitor/symbols/elf_sections.hpp"

#include <algorithm>
#include <stdexcept>

#include "monitor/boot/elf.hpp"

namespace ringpress {
namespace {

struct Elf32SectionHeader {
    std::uint32_t name, type, flags, addr, offset, size, link, info, addralign, entsize;
};
static_assert(sizeof(Elf32SectionHeader) == 40);

struct Elf32Symbol {
    std::uint32_t name, value, size;
    std::uint8_t info, other;
    std::uint16_t section;

    unsigned type() const { return info & 0xFu; }
    unsigned binding() const { return info >> 4; }
};
static_assert(sizeof(Elf32Symbol) == 16);

constexpr std::uint32_t kSymbolTable = 2, kNoBits = 8, kDynamicSymbols = 11;
constexpr std::uint16_t kUndefined = 0, kAbsolute = 0xFFF1;
constexpr unsigned kNoType = 0, kObject = 1, kFunction = 2;  // of a symbol
constexpr unsigned kLocal = 0, kGlobal = 1;

[[noreturn]] void refuse_truncated() {
    throw std::runtime_error("the ELF file ends before its sections do: it is truncated; get it again");
}

/// The string at an offset of a string table, or an empty one where there is none.
std::string string_at(Image table, std::uint32_t offset) {
    if (offset >= table.size()) return {};
    const char* start = reinterpret_cast<const char*>(table.data()) + offset;
    return {start, strnlen(start, table.size() - offset)};
}

/// The smaller, the better a symbol names an address that it shares with others.
unsigned rank(const Elf32Symbol& s, const std::string& name) {
    const unsigned underscores = static_cast<unsigned>(std::min<std::size_t>(name.find_first_not_of('_'), 3));
    return (s.type() == kFunction ? 0u : 16u) +
           (s.binding() == kGlobal  ? 0u
            : s.binding() == kLocal ? 8u
                                    : 4u) +
           underscores;
}

/// The letter that nm would print, as far as it matters here: text, data, absolute.
char type_letter(const Elf32Symbol& s, const std::vector<ElfSection>& sections) {
    const bool in_code = s.section < sections.size() && sections[s.section].executable();
    char letter = 'd';
    if (s.section == kAbsolute)
        letter = 'a';
    else if (s.type() == kFunction || (s.type() == kNoType && in_code))
        letter = 't';
    return s.binding() == kLocal ? letter : static_cast<char>(letter - 'a' + 'A');
}

}  // namespace

std::vector<ElfSection> elf_sections(Image image) {
    const auto header = field<Elf32Header>(image, 0);
    constexpr std::uint8_t k32Bit = 1, kLittleEndian = 1;
    if (header.ident[4] != k32Bit || header.ident[5] != kLittleEndian)
        throw std::runtime_error("the ELF file is not 32-bit little-endian; give a 32-bit x86 kernel");
    if (header.shoff == 0 || header.shnum == 0) return {};
    if (header.shentsize != sizeof(Elf32SectionHeader))
        throw std::runtime_error("the ELF file's section headers have an unknown size; it is damaged");
    if (!holds(image, header.shoff, std::uint64_t{header.shnum} * sizeof(Elf32SectionHeader)))
        refuse_truncated();

    std::vector<Elf32SectionHeader> headers(header.shnum);
    std::memcpy(headers.data(), image.data() + header.shoff, headers.size() * sizeof headers[0]);
    std::vector<ElfSection> sections;
    for (const auto& h : headers) {
        const std::uint32_t size = h.type == kNoBits || h.type == 0 ? 0 : h.size;
        if (size != 0 && !holds(image, h.offset, size)) refuse_truncated();
        const Image bytes = size == 0 ? Image() : image.subspan(h.offset, size);
        sections.push_back({"", h.type, h.flags, h.addr, h.link, bytes});
    }
    if (header.shstrndx < sections.size()) {
        const Image names = sections[header.shstrndx].bytes;
        for (std::size_t i = 0; i < sections.size(); ++i)
            sections[i].name = string_at(names, headers[i].name);
    }
    return sections;
}

std::vector<Symbol> elf_symbols(Image image) {
    const std::vector<ElfSection> sections = elf_sections(image);
    auto table = std::find_if(sections.begin(), sections.end(),
                              [](const ElfSection& s) { return s.type == kSymbolTable; });
    if (table == sections.end())
        table = std::find_if(sections.begin(), sections.end(),
                             [](const ElfSection& s) { return s.type == kDynamicSymbols; });
    if (table == sections.end()) return {};
    if (table->link >= sections.size())
        throw std::runtime_error("the ELF file's symbols have no names section; it is damaged");
    const Image names = sections[table->link].bytes;

    std::vector<std::pair<unsigned, Symbol>> ranked;
    for (std::size_t at = 0; at + sizeof(Elf32Symbol) <= table->bytes.size(); at += sizeof(Elf32Symbol)) {
        const auto s = field<Elf32Symbol>(table->bytes, at);
        if (s.section == kUndefined || s.type() > kFunction) continue;
        Symbol symbol{s.value, s.size, string_at(names, s.name), type_letter(s, sections)};
        if (symbol.name.empty() || symbol.name.starts_with(".L")) continue;
        const unsigned order = rank(s, symbol.name);
        ranked.emplace_back(order, std::move(symbol));
    }
    std::stable_sort(ranked.begin(), ranked.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<Symbol> symbols;
    symbols.reserve(ranked.size());
    for (auto& [order, symbol] : ranked) symbols.push_back(std::move(symbol));
    return symbols;
}

}  // namespace ringpress
