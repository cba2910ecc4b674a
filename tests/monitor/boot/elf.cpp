#include "monitor/boot/elf.hpp"

#include <catch2/catch.hpp>

#include "tests/monitor/boot/images.hpp"

using namespace ringpress;
using namespace ringpress::test;
using Catch::Matchers::Contains;

namespace {

Bytes with_header(void (*change)(Elf32Header&)) {
    Bytes image = plain_elf();
    auto header = get<Elf32Header>(image, 0);
    change(header);
    put(image, 0, header);
    return image;
}
Bytes with_segment(unsigned index, void (*change)(Elf32ProgramHeader&)) {
    Bytes image = plain_elf();
    const std::size_t at = sizeof(Elf32Header) + index * sizeof(Elf32ProgramHeader);
    auto header = get<Elf32ProgramHeader>(image, at);
    change(header);
    put(image, at, header);
    return image;
}

}  // namespace

TEST_CASE("ELF segments are copied to their physical addresses and .bss stays zero") {
    Bytes ram(4u << 20);
    const BootState state = load_kernel(plain_elf(), ram, {});
    CHECK(state.eip == 0x100010);
    CHECK(get<std::uint8_t>(ram, 0x100000) == 0x11);
    CHECK(get<std::uint8_t>(ram, 0x1002FF) == 0x11);
    CHECK(get<std::uint8_t>(ram, 0x100300) == 0);
    CHECK(get<std::uint8_t>(ram, 0x10107F) == 0x22);
    CHECK(get<std::uint8_t>(ram, 0x101080) == 0);
}

TEST_CASE("A plain ELF kernel starts in protected mode with a flat GDT in RAM and interrupts off") {
    Bytes ram(4u << 20);
    const BootState state = load_kernel(plain_elf(), ram, {});
    CHECK(state.cr0 == (cr0::PE | cr0::ET));
    CHECK(state.eflags == eflags::FIXED1);
    CHECK(state.gdtr.limit == 23);
    CHECK(get<std::uint64_t>(ram, state.gdtr.base + state.code_selector) == kFlatCodeDescriptor);
    CHECK(get<std::uint64_t>(ram, state.gdtr.base + state.data_selector) == kFlatDataDescriptor);
}

TEST_CASE("A kernel that is linked high is entered at the physical counterpart of its entry point") {
    Bytes ram(4u << 20);
    const Bytes image = elf_image(0xC0100020, {{0x100000, 0xC0100000, 0x100, 0x100, true}});
    CHECK(load_kernel(image, ram, {}).eip == 0x100020);
    SECTION("unless the entry point is physical already") {
        const Bytes physical = elf_image(0x100020, {{0x100000, 0xC0100000, 0x100, 0x100, true}});
        Bytes fresh(4u << 20);
        CHECK(load_kernel(physical, fresh, {}).eip == 0x100020);
    }
}

TEST_CASE("Bad ELF headers are refused with a line that says what is wrong") {
    CHECK_THAT(load_error(with_header([](Elf32Header& h) { h.ident[4] = 2; })), Contains("64-bit"));
    CHECK_THAT(load_error(with_header([](Elf32Header& h) { h.ident[5] = 2; })), Contains("little-endian"));
    CHECK_THAT(load_error(with_header([](Elf32Header& h) { h.machine = 40; })), Contains("machine type 40"));
    CHECK_THAT(load_error(with_header([](Elf32Header& h) { h.type = 1; })), Contains("object file"));
    CHECK_THAT(load_error(with_header([](Elf32Header& h) { h.type = 3; })), Contains("position-independent"));
    CHECK_THAT(load_error(with_header([](Elf32Header& h) { h.type = 4; })), Contains("core dump"));
    CHECK_THAT(load_error(with_header([](Elf32Header& h) { h.type = 77; })), Contains("unknown type"));
    CHECK_THAT(load_error(with_header([](Elf32Header& h) { h.phnum = 0; })), Contains("no program headers"));
    CHECK_THAT(load_error(with_header([](Elf32Header& h) { h.phnum = 0xFFFF; })), Contains("truncated"));
    CHECK_THAT(load_error(with_header([](Elf32Header& h) { h.phoff = 0xFFFFFFF0; })), Contains("truncated"));
    CHECK_THAT(load_error(with_header([](Elf32Header& h) { h.phentsize = 31; })), Contains("damaged"));
    CHECK_THAT(load_error(with_header([](Elf32Header& h) { h.entry = 0x100300; })), Contains("entry point"));
    CHECK_THAT(load_error(with_header([](Elf32Header& h) { h.entry = 0; })), Contains("entry point"));
}

TEST_CASE("Absurd ELF segments are refused with a line that says what is wrong") {
    using Ph = Elf32ProgramHeader;
    CHECK_THAT(load_error(with_segment(0, [](Ph& p) { p.offset = 0xFFFFFF00; })), Contains("truncated"));
    CHECK_THAT(load_error(with_segment(1, [](Ph& p) { p.filesz = p.memsz = 0xFFFFFFFF; })),
               Contains("truncated"));
    CHECK_THAT(load_error(with_segment(0, [](Ph& p) { p.memsz = 1; })), Contains("damaged"));
    CHECK_THAT(load_error(with_segment(1, [](Ph& p) { p.memsz = 0xFFFFFFFF; })), Contains("RAM ends"));
    CHECK_THAT(load_error(with_segment(1, [](Ph& p) { p.paddr = 0xFFFFFFFF; })), Contains("RAM ends"));
    CHECK_THAT(load_error(with_segment(1, [](Ph& p) { p.paddr = 0x100100; })), Contains("overlaps"));
    CHECK_THAT(load_error(with_segment(1, [](Ph& p) { p.paddr = 0xB8000; })), Contains("video memory"));
    CHECK_THAT(load_error(with_segment(1, [](Ph& p) { p.paddr = 0x9F000; })), Contains("video memory"));
    CHECK_THAT(load_error(with_segment(1, [](Ph& p) { p.type = 3; })), Contains("dynamically linked"));
    CHECK_THAT(load_error(elf_image(0, {})), Contains("no program headers"));
    Bytes nothing = with_segment(0, [](Ph& p) { p.type = 4; });
    put<std::uint32_t>(nothing, sizeof(Elf32Header) + sizeof(Ph), 4);
    CHECK_THAT(load_error(nothing), Contains("nothing to load"));
}

TEST_CASE("An ELF file cut off anywhere is refused, or complete in all that it loads") {
    const Bytes whole = plain_elf();
    for (std::size_t length = 4; length < whole.size(); ++length) {
        const std::string error =
            load_error(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)));
        INFO("length " << length);
        CHECK_THAT(error, Contains("truncated"));
    }
}

TEST_CASE("A plain ELF kernel with modules is refused: it could not find them") {
    const Bytes module(16);
    BootOptions options;
    options.modules.push_back({module, "m"});
    CHECK_THAT(load_error(plain_elf(), 4u << 20, options), Contains("-initrd"));
}
