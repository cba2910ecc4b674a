// The code of a kernel file, before it runs: where it will lie, and what it is called.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "monitor/boot/image_reader.hpp"
#include "monitor/symbols/symbol_table.hpp"

namespace ringpress {

struct CodeSection {
    std::string name;
    std::uint32_t address = 0;  ///< linear, as linked
    Image bytes;                ///< within CodeImage::storage
};

struct CodeImage {
    std::string kind;                   ///< for people: "Linux bzImage packed with xz"
    std::vector<CodeSection> sections;  ///< in the order of their addresses
    SymbolTable symbols;
    std::vector<std::string> notes;  ///< what about the result is less certain than it could be
    std::vector<std::byte> storage;
};

/// Finds the code of an ELF kernel, a bzImage (unpacked), a Multiboot kernel with addresses in its header, or
/// any of these compressed; with `base`, the whole file is code that is loaded there.
/// Throws std::runtime_error, one line, for anything else.
CodeImage find_code(std::vector<std::byte> file, std::optional<std::uint32_t> base);

}  // namespace ringpress
