#include "monitor/scan/code_image.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "monitor/boot/bzimage.hpp"
#include "monitor/boot/elf.hpp"
#include "monitor/boot/linux.hpp"
#include "monitor/boot/linux_setup.hpp"
#include "monitor/boot/loader.hpp"
#include "monitor/boot/memory_map.hpp"
#include "monitor/boot/multiboot.hpp"
#include "monitor/symbols/elf_sections.hpp"

namespace ringpress {
namespace {

void find_elf_code(CodeImage& code, Image image) {
    const ElfProgram program = parse_elf(image);
    for (ElfSection& section : elf_sections(image)) {
        if (section.executable() && section.loaded() && !section.bytes.empty())
            code.sections.push_back({std::move(section.name), section.address, section.bytes});
    }
    if (code.sections.empty()) {
        unsigned index = 0;
        for (const ElfSegment& segment : program.segments) {
            if (segment.executable && !segment.bytes.empty())
                code.sections.push_back({fmt::format("segment {}", index), segment.linear, segment.bytes});
            ++index;
        }
        if (code.sections.empty())
            throw std::runtime_error("the ELF file has no executable section or segment");
        code.notes.push_back(
            "the file has no section headers, so data in executable segments is taken for code");
    }
    std::stable_sort(code.sections.begin(), code.sections.end(),
                     [](const CodeSection& a, const CodeSection& b) { return a.address < b.address; });
}

void find_bzimage_code(CodeImage& code) {
    const Image image = code.storage;
    if (!has_packed_kernel(image)) {
        const std::uint32_t at = setup::code_offset(image);
        if (at >= image.size())
            throw std::runtime_error("the bzImage is truncated: it ends before its code; get it again");
        code.kind = "kernel with the Linux boot protocol";
        code.sections.push_back({"code", kHighMemory, image.subspan(at)});
        code.notes.push_back("the file does not tell code from data: all of it is taken for code");
        return;
    }
    UnpackedKernel kernel = unpack_bzimage(image);
    code.kind = fmt::format("Linux bzImage packed with {}", name(kernel.compression));
    code.storage = std::move(kernel.elf);
    if (!is_elf(code.storage))
        throw std::runtime_error("what the bzImage unpacks to is no ELF file; give the kernel's vmlinux");
    find_elf_code(code, code.storage);
    code.notes.push_back("the bzImage's own start code, which unpacks the kernel, is not counted");
}

/// A Multiboot kernel that says in its header where it is to be loaded.
bool find_flat_code(CodeImage& code) {
    const Image image = code.storage;
    const auto header_at = find_multiboot_header(image);
    if (!header_at || !(field<std::uint32_t>(image, *header_at + 4) & multiboot::kAddressFields))
        return false;
    const FlatImage flat = parse_address_fields(image, *header_at);
    code.kind = "Multiboot kernel, flat";
    code.sections.push_back({"image", flat.load_addr, image.subspan(flat.file_start, flat.length)});
    code.notes.push_back("the file does not tell code from data: all of it is taken for code");
    return true;
}

void find_known_code(CodeImage& code) {
    if (is_linux_bzimage(code.storage)) {
        find_bzimage_code(code);
    } else if (is_elf(code.storage)) {
        code.kind = "ELF";
        find_elf_code(code, code.storage);
    } else if (!find_flat_code(code)) {
        try {
            detect_kernel(code.storage);
        } catch (const std::runtime_error& error) {
            throw std::runtime_error(
                fmt::format("{}; or say where its first byte is loaded: --base ADDRESS", error.what()));
        }
        throw std::runtime_error("the Multiboot kernel does not say where it is loaded: give --base ADDRESS");
    }
    code.symbols = SymbolTable::from_bytes(code.storage);
}

}  // namespace

CodeImage find_code(std::vector<std::byte> file, std::optional<std::uint32_t> base) {
    CodeImage code;
    code.storage = std::move(file);
    if (base) {
        if (code.storage.size() > (1ull << 32) - *base)
            throw std::runtime_error(fmt::format(
                "{} bytes from {:#x} on do not fit below 4 GiB: lower --base", code.storage.size(), *base));
        code.kind = "raw";
        code.sections.push_back({"raw", *base, code.storage});
        code.notes.push_back("the file does not tell code from data: all of it is taken for code");
        return code;
    }
    std::string around;
    if (const auto compression = compression_of(code.storage)) {
        code.storage = decompress(code.storage, *compression, kMaxUnpackedKernel);
        around = fmt::format(", in a {} file", name(*compression));
    }
    find_known_code(code);
    code.kind += around;
    return code;
}

}  // namespace ringpress
