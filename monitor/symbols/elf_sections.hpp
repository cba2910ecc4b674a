// Sections and symbols of ELF files for i386: System V ABI, chapter 4.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "monitor/boot/image_reader.hpp"
#include "monitor/symbols/symbol_table.hpp"

namespace ringpress {

struct ElfSection {
    std::string name;
    std::uint32_t type = 0;
    std::uint32_t flags = 0;
    std::uint32_t address = 0;
    std::uint32_t link = 0;
    Image bytes;  ///< empty for a section without bytes in the file (.bss)

    bool executable() const { return (flags & 4) != 0; }
    bool loaded() const { return (flags & 2) != 0; }
};

/// In the order of the file; none if it has no section headers.
/// Throws std::runtime_error, one line, if it is not a 32-bit little-endian ELF file, or ends within a header
/// or a section.
std::vector<ElfSection> elf_sections(Image image);

/// What .symtab (or else .dynsym) names: functions, data and labels of assembler code; not sections and
/// files. Of several at one address, functions and global names come first.  Throws as elf_sections().
std::vector<Symbol> elf_symbols(Image image);

}  // namespace ringpress
