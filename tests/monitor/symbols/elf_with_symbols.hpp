// An ELF file with sections .text, .symtab, .strtab and .shstrtab.
#pragma once

#include <string>
#include <vector>

#include "tests/monitor/boot/images.hpp"

namespace ringpress::test {

enum class ElfSymbolKind : std::uint8_t { label = 0, object = 1, function = 2, file = 4 };
struct ElfSymbolSpec {
    std::string name;
    std::uint32_t address, size;
    ElfSymbolKind kind;
    bool global;
};

/// .text lies at 1 MiB and has the bytes `text`.
inline Bytes elf_with_symbols(const std::vector<ElfSymbolSpec>& symbols, Bytes text = Bytes(0x300)) {
    const auto text_size = static_cast<std::uint32_t>(text.size());
    Bytes image = elf_image(0x100000, {{0x100000, 0x100000, text_size, text_size, true}});
    std::copy(text.begin(), text.end(), image.begin() + 0x200);
    image.resize((image.size() + 15) & ~std::size_t{15});

    std::string names(1, '\0');
    const auto symtab = static_cast<std::uint32_t>(image.size());
    image.resize(image.size() + 16);
    for (const auto& s : symbols) {
        const std::size_t at = image.size();
        put(image, at, static_cast<std::uint32_t>(names.size()));
        put(image, at + 4, s.address);
        put(image, at + 8, s.size);
        put(image, at + 12, static_cast<std::uint8_t>((s.global ? 16 : 0) | static_cast<int>(s.kind)));
        put(image, at + 14, static_cast<std::uint16_t>(s.kind == ElfSymbolKind::file ? 0xFFF1 : 1));
        names += s.name;
        names.push_back('\0');
    }
    const auto symtab_end = static_cast<std::uint32_t>(image.size());
    const auto add_text = [&](const std::string& s) {
        for (const char c : s) image.push_back(static_cast<std::byte>(c));
    };
    add_text(names);
    const auto names_end = static_cast<std::uint32_t>(image.size());
    const std::string section_names("\0.text\0.symtab\0.strtab\0.shstrtab\0", 33);
    add_text(section_names);
    const auto end = static_cast<std::uint32_t>(image.size());
    image.resize((image.size() + 15) & ~std::size_t{15});

    auto header = get<Elf32Header>(image, 0);
    header.shoff = static_cast<std::uint32_t>(image.size());
    header.shentsize = 40;
    header.shnum = 5;
    header.shstrndx = 4;
    put(image, 0, header);
    // name, type, flags, addr, offset, size, link, info, addralign, entsize
    const std::uint32_t sections[5][10] = {
        {},
        {1, 1, 6, 0x100000, 0x200, text_size, 0, 0, 16, 0},
        {7, 2, 0, 0, symtab, symtab_end - symtab, 3, 1, 4, 16},
        {15, 3, 0, 0, symtab_end, names_end - symtab_end, 0, 0, 1, 0},
        {23, 3, 0, 0, names_end, end - names_end, 0, 0, 1, 0},
    };
    for (const auto& section : sections)
        for (const std::uint32_t word : section) put(image, image.size(), word);
    return image;
}

}  // namespace ringpress::test
