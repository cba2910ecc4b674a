#include "monitor/boot/elf.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "monitor/boot/memory_map.hpp"

namespace ringpress {
namespace {

constexpr std::uint8_t kMagic[4] = {0x7F, 'E', 'L', 'F'};
constexpr std::uint8_t kClass32 = 1, kClass64 = 2, kLittleEndian = 1;
constexpr std::uint16_t kRelocatable = 1, kExecutable = 2, kShared = 3, kCore = 4;
constexpr std::uint16_t kMachine386 = 3;
constexpr std::uint32_t kLoad = 1, kInterpreter = 3, kFlagExecute = 1;

void check_header(const Elf32Header& header) {
    if (header.machine != kMachine386)
        throw std::runtime_error(fmt::format(
            "the ELF file is for machine type {}, not 32-bit x86 (3); build it with -m32", header.machine));
    if (header.type == kRelocatable)
        throw std::runtime_error("the ELF file is an object file; link it first");
    if (header.type == kCore) throw std::runtime_error("the ELF file is a core dump; give a kernel");
    if (header.type != kExecutable && header.type != kShared)
        throw std::runtime_error(
            fmt::format("the ELF file has the unknown type {}; give an executable", header.type));
    if (header.phnum == 0)
        throw std::runtime_error("the ELF file has no program headers; link it as an executable");
    if (header.phentsize != sizeof(Elf32ProgramHeader))
        throw std::runtime_error(
            fmt::format("the ELF file's program headers are {} bytes each, not {}; it is damaged",
                        header.phentsize, sizeof(Elf32ProgramHeader)));
}

ElfSegment check_segment(Image image, const Elf32ProgramHeader& ph, unsigned index) {
    if (!holds(image, ph.offset, ph.filesz))
        throw std::runtime_error(
            fmt::format("ELF segment {} ends at byte {} of a file of {}: the file is truncated; "
                        "get it again",
                        index, std::uint64_t{ph.offset} + ph.filesz, image.size()));
    if (ph.filesz > ph.memsz)
        throw std::runtime_error(
            fmt::format("ELF segment {} has more bytes in the file ({}) than in memory ({}); "
                        "the file is damaged",
                        index, ph.filesz, ph.memsz));
    return {image.subspan(ph.offset, ph.filesz), ph.paddr, ph.vaddr, ph.memsz,
            (ph.flags & kFlagExecute) != 0};
}

/// Entry points are given as linear addresses; a kernel that is linked high is entered with paging off, at
/// the physical counterpart.  One that names a physical address by itself is taken at its word.
std::uint32_t physical_entry(const ElfProgram& program, std::uint32_t entry) {
    for (const ElfSegment& s : program.segments)
        if (s.executable && entry >= s.linear && entry - s.linear < s.bytes.size())
            return entry - s.linear + s.physical;
    for (const ElfSegment& s : program.segments)
        if (entry >= s.physical && entry - s.physical < s.bytes.size()) return entry;
    throw std::runtime_error(fmt::format(
        "the entry point {:#x} is in no segment of the ELF file; link it with an entry symbol (ld -e)",
        entry));
}

}  // namespace

bool is_elf(Image image) {
    return image.size() >= sizeof kMagic && std::memcmp(image.data(), kMagic, sizeof kMagic) == 0;
}

ElfProgram parse_elf(Image image) {
    const auto word_size = peek<std::uint8_t>(image, 4);
    if (word_size == kClass64)
        throw std::runtime_error(
            "the ELF file is 64-bit; ringpress runs 32-bit x86 guests: build it with -m32");
    const auto header = field<Elf32Header>(image, 0);
    if (word_size != kClass32 || header.ident[5] != kLittleEndian)
        throw std::runtime_error("the ELF file is not 32-bit little-endian; give a 32-bit x86 kernel");
    check_header(header);
    if (!holds(image, header.phoff, std::uint64_t{header.phnum} * sizeof(Elf32ProgramHeader)))
        throw std::runtime_error(
            "the ELF file ends before its program headers: it is truncated; get it again");

    ElfProgram program;
    program.fixed_address = header.type == kExecutable;
    for (unsigned i = 0; i < header.phnum; ++i) {
        const auto ph =
            field<Elf32ProgramHeader>(image, header.phoff + std::uint64_t{i} * sizeof(Elf32ProgramHeader));
        if (ph.type == kInterpreter) program.needs_interpreter = true;
        if (ph.type == kLoad && ph.memsz != 0) program.segments.push_back(check_segment(image, ph, i));
    }
    if (program.segments.empty())
        throw std::runtime_error(
            "the ELF file has nothing to load (no PT_LOAD segment); link it as an executable");
    program.entry = physical_entry(program, header.entry);
    return program;
}

void place_segments(const ElfProgram& program, RamLayout& layout) {
    unsigned index = 0;
    for (const ElfSegment& s : program.segments) {
        layout.claim(s.physical, std::uint64_t{s.physical} + s.memory_size,
                     fmt::format("loadable segment {}", index++));
        layout.copy(s.physical, s.bytes);
    }
}

DescriptorTableRegister place_gdt(RamLayout& layout, std::span<const std::uint64_t> descriptors) {
    const auto bytes = std::as_bytes(descriptors);
    // Above the areas that real-mode code and start-up code of further processors like to use.
    const auto at = layout.take_lowest(bytes.size(), 16, 0x9000, layout.top(), "the initial GDT");
    if (!at) throw std::runtime_error("no RAM is left for the initial GDT; give more with -m");
    layout.copy(*at, bytes);
    return {*at, static_cast<std::uint16_t>(bytes.size() - 1), 0};
}

BootState load_plain_elf(Image image, RamLayout& layout) {
    const ElfProgram program = parse_elf(image);
    if (program.needs_interpreter)
        throw std::runtime_error(
            "the ELF file is a dynamically linked program; link it with -static -no-pie");
    if (!program.fixed_address)
        throw std::runtime_error("the ELF file is position-independent; link it with -static -no-pie");
    place_segments(program, layout);

    const std::uint64_t gdt[] = {0, kFlatCodeDescriptor, kFlatDataDescriptor};
    BootState state;
    state.gdtr = place_gdt(layout, gdt);
    state.eip = program.entry;
    return state;
}

}  // namespace ringpress
