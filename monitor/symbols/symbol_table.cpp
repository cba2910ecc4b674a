#include "monitor/symbols/symbol_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "monitor/boot/bzimage.hpp"
#include "monitor/boot/elf.hpp"
#include "monitor/host_file.hpp"
#include "monitor/symbols/elf_sections.hpp"
#include "monitor/symbols/kallsyms.hpp"
#include "monitor/symbols/symbol_text.hpp"

namespace ringpress {
namespace {

/// What lies behind the last symbol is its own for so long, if its size is not known.
constexpr std::uint32_t kLastSymbolBytes = 4096;
constexpr std::uint64_t kMaxFile = 1ull << 30;

std::vector<Symbol> read_symbols(Image bytes) {
    if (const auto compression = compression_of(bytes)) {
        const auto unpacked = decompress(bytes, *compression, kMaxUnpackedKernel);
        if (compression_of(unpacked)) return {};
        return read_symbols(unpacked);
    }
    if (has_packed_kernel(bytes)) return read_symbols(unpack_bzimage(bytes).elf);
    if (is_elf(bytes)) {
        auto symbols = elf_symbols(bytes);
        if (symbols.empty()) symbols = kallsyms(bytes);
        return symbols;
    }
    if (looks_like_symbol_text(bytes)) return parse_symbol_text(bytes);
    return {};
}

}  // namespace

SymbolTable::SymbolTable(std::vector<Symbol> symbols) {
    std::stable_sort(symbols.begin(), symbols.end(),
                     [](const Symbol& a, const Symbol& b) { return a.address < b.address; });
    std::vector<std::uint32_t> by_name(symbols.size());
    std::iota(by_name.begin(), by_name.end(), 0);
    std::stable_sort(by_name.begin(), by_name.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return symbols[a].name < symbols[b].name; });
    symbols_ = std::make_shared<const std::vector<Symbol>>(std::move(symbols));
    by_name_ = std::make_shared<const std::vector<std::uint32_t>>(std::move(by_name));
}

SymbolTable SymbolTable::from_bytes(std::span<const std::byte> bytes) {
    return SymbolTable(read_symbols(bytes));
}

SymbolTable SymbolTable::load(const std::string& path) {
    const auto bytes = read_host_file(path, "symbol file", kMaxFile);
    try {
        SymbolTable table = from_bytes(std::as_bytes(std::span(bytes)));
        if (!table.empty()) return table;
    } catch (const std::runtime_error& error) {
        throw std::runtime_error(fmt::format("symbol file '{}': {}", path, error.what()));
    }
    throw std::runtime_error(
        fmt::format("symbol file '{}' has no symbols; give an unstripped kernel or its System.map", path));
}

const Symbol* SymbolTable::find(std::uint32_t address) const {
    const std::uint32_t linked = address - slide_;
    auto after = std::upper_bound(symbols_->begin(), symbols_->end(), linked,
                                  [](std::uint32_t value, const Symbol& s) { return value < s.address; });
    const auto end = after;
    // Back to a place, and then to the first name that it has.
    while (after != symbols_->begin() && std::prev(after)->is_absolute()) --after;
    if (after == symbols_->begin()) return nullptr;
    auto found = std::prev(after);
    const std::uint32_t start = found->address;
    while (found != symbols_->begin() && std::prev(found)->address == start) --found;
    while (found->is_absolute()) ++found;
    if (end == symbols_->end() && linked - start >= std::max(kLastSymbolBytes, found->size)) return nullptr;
    return &*found;
}

std::string SymbolTable::name_of(std::uint32_t address) const {
    const Symbol* symbol = find(address);
    if (!symbol) return {};
    const std::uint32_t offset = address - slide_ - symbol->address;
    return offset == 0 ? symbol->name : fmt::format("{}+{:#x}", symbol->name, offset);
}

std::optional<std::uint32_t> SymbolTable::address_of(std::string_view name) const {
    if (empty()) return std::nullopt;
    const auto& symbols = *symbols_;
    const auto found =
        std::lower_bound(by_name_->begin(), by_name_->end(), name,
                         [&](std::uint32_t index, std::string_view n) { return symbols[index].name < n; });
    if (found == by_name_->end() || symbols[*found].name != name) return std::nullopt;
    const Symbol& symbol = symbols[*found];
    return symbol.is_absolute() ? symbol.address : symbol.address + slide_;
}

SymbolTable SymbolTable::with_slide(std::uint32_t slide) const {
    SymbolTable slid = *this;
    slid.slide_ = slide;
    return slid;
}

}  // namespace ringpress
