// Names for the addresses of a guest kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringpress {

/// A name and its linear address, before any slide.
struct Symbol {
    std::uint32_t address = 0;
    std::uint32_t size = 0;  ///< 0: not known
    std::string name;
    char type = 'T';  ///< as nm and /proc/kallsyms have it; capital: global

    bool is_code() const { return std::string_view("TtWwi").find(type) != std::string_view::npos; }
    /// A number rather than a place: it does not slide.
    bool is_absolute() const { return type == 'A' || type == 'a'; }
};

/// Symbols of one kernel, immutable; copies share their storage.
class SymbolTable {
  public:
    /// No symbols: every answer is empty.
    SymbolTable() : symbols_(std::make_shared<const std::vector<Symbol>>()) {}
    /// In any order; among those of one address the first in `symbols` is the one that names it.
    explicit SymbolTable(std::vector<Symbol> symbols);

    /// From a file: an ELF file's .symtab, the kallsyms of a Linux kernel (bzImage or vmlinux), or text as
    /// nm, System.map and /proc/kallsyms have it.  The file may be compressed. Throws std::runtime_error, one
    /// line, if it has no symbols or cannot be read.
    static SymbolTable load(const std::string& path);
    /// The same from a file's bytes; a table without symbols if there are none.
    static SymbolTable from_bytes(std::span<const std::byte> bytes);

    bool empty() const { return symbols_->empty(); }
    std::size_t size() const { return symbols_->size(); }
    /// In ascending order of unslid addresses.
    std::span<const Symbol> symbols() const { return *symbols_; }

    /// The symbol that a linear address belongs to, "name" or "name+0x12"; an empty string if there is none.
    /// O(log n).
    std::string name_of(std::uint32_t address) const;
    /// The symbol at or before an address, or nullptr; its own address is without the slide.
    const Symbol* find(std::uint32_t address) const;
    /// The linear address of a symbol.  O(log n).
    std::optional<std::uint32_t> address_of(std::string_view name) const;

    /// The same symbols for a kernel that runs `slide` bytes above (modulo 2^32) where it was linked: KASLR.
    SymbolTable with_slide(std::uint32_t slide) const;
    std::uint32_t slide() const { return slide_; }

  private:
    std::shared_ptr<const std::vector<Symbol>> symbols_;
    std::shared_ptr<const std::vector<std::uint32_t>> by_name_;  ///< indexes into symbols_
    std::uint32_t slide_ = 0;
};

}  // namespace ringpress
