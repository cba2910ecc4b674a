// ELF executables for i386: System V ABI, Intel386 supplement, chapters 4 and 5.
#pragma once

#include <cstdint>
#include <vector>

#include "monitor/boot/boot_state.hpp"
#include "monitor/boot/image_reader.hpp"
#include "monitor/boot/ram_layout.hpp"

namespace ringpress {

/// The fixed part of an ELF32 file.
struct Elf32Header {
    std::uint8_t ident[16];
    std::uint16_t type, machine;
    std::uint32_t version, entry, phoff, shoff, flags;
    std::uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
static_assert(sizeof(Elf32Header) == 52);

struct Elf32ProgramHeader {
    std::uint32_t type, offset, vaddr, paddr, filesz, memsz, flags, align;
};
static_assert(sizeof(Elf32ProgramHeader) == 32);

/// A PT_LOAD segment that was found to be sound: its bytes lie within the file.
struct ElfSegment {
    Image bytes;
    std::uint32_t physical = 0;
    std::uint32_t linear = 0;
    std::uint32_t memory_size = 0;  ///< >= bytes.size(); the rest is zero
    bool executable = false;
};

struct ElfProgram {
    std::vector<ElfSegment> segments;
    std::uint32_t entry = 0;     ///< physical address
    bool fixed_address = false;  ///< ET_EXEC, as opposed to position-independent
    bool needs_interpreter = false;
};

bool is_elf(Image image);

/// Checks a whole ELF file.  Throws std::runtime_error, one line, if it is truncated, for another machine or
/// word size, not linked, has no loadable segment, or enters outside of all of them.
ElfProgram parse_elf(Image image);

/// Puts the segments at their physical addresses.  Throws if they do not fit or overlap.
void place_segments(const ElfProgram& program, RamLayout& layout);

/// Writes a GDT of `descriptors` to a free place in low memory and returns it.
DescriptorTableRegister place_gdt(RamLayout& layout, std::span<const std::uint64_t> descriptors);

/// An ELF kernel without any boot protocol: entered with flat segments in protected mode and nothing else.
BootState load_plain_elf(Image image, RamLayout& layout);

}  // namespace ringpress
