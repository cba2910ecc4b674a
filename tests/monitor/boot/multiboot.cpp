#include "monitor/boot/multiboot.hpp"

#include <catch2/catch.hpp>

#include "monitor/boot/memory_map.hpp"
#include "tests/monitor/boot/images.hpp"

using namespace ringpress;
using namespace ringpress::test;
using Catch::Matchers::Contains;

namespace {

struct Booted {
    Bytes ram;
    BootState state;
    multiboot::Info info;

    explicit Booted(const Bytes& image, const BootOptions& options = {}, std::size_t ram_bytes = 4u << 20)
        : ram(ram_bytes),
          state(load_kernel(image, ram, options)),
          info(get<multiboot::Info>(ram, state.reg(Gpr::ebx))) {}
};

Bytes flat_with(unsigned field, std::uint32_t value) {
    Bytes image = multiboot_flat();
    put(image, 0x4C + 4 * field, value);
    return image;
}

}  // namespace

TEST_CASE("A Multiboot kernel gets the magic number, the memory sizes and its command line") {
    BootOptions options;
    options.kernel_name = "kernel.elf";
    options.command_line = "quiet x=1";
    const Booted b(multiboot_elf(), options);
    CHECK(b.state.reg(Gpr::eax) == multiboot::kLoaderMagic);
    CHECK(b.state.eip == 0x100010);
    CHECK((b.info.flags & multiboot::info::kMemory) != 0);
    CHECK(b.info.mem_lower == 639);
    CHECK(b.info.mem_upper == 3 * 1024);
    CHECK(text(b.ram, b.info.cmdline) == "kernel.elf quiet x=1");
    CHECK(text(b.ram, b.info.boot_loader_name) == "ringpress");
    CHECK((b.info.flags & multiboot::info::kFramebuffer) == 0);
}

TEST_CASE("The Multiboot memory map lists the same ranges as the board") {
    const Booted b(multiboot_elf());
    const auto map = memory_map(4u << 20);
    REQUIRE(b.info.mmap_length == map.size() * sizeof(multiboot::MapEntry));
    for (std::size_t i = 0; i < map.size(); ++i) {
        const auto entry =
            get<multiboot::MapEntry>(b.ram, b.info.mmap_addr + i * sizeof(multiboot::MapEntry));
        CHECK(entry.size == 20);
        CHECK(std::uint64_t{entry.base} == map[i].base);
        CHECK(std::uint64_t{entry.length} == map[i].length);
        CHECK(entry.type == static_cast<std::uint32_t>(map[i].type));
    }
}

TEST_CASE("Multiboot modules lie page-aligned behind the kernel, in order, with their command lines") {
    const Bytes first(5000, std::byte{0xA1}), second(1, std::byte{0xB2}), empty;
    BootOptions options;
    options.modules = {{first, "first with arguments"}, {second, "second"}, {empty, "empty"}};
    const Booted b(multiboot_elf(), options);
    REQUIRE(b.info.mods_count == 3);
    std::uint32_t behind = 0x103000;
    for (std::size_t i = 0; i < 3; ++i) {
        const auto m = get<multiboot::Module>(b.ram, b.info.mods_addr + i * sizeof(multiboot::Module));
        CHECK(m.mod_start % 4096 == 0);
        CHECK(m.mod_start >= behind);
        CHECK(m.mod_end - m.mod_start == options.modules[i].bytes.size());
        CHECK(text(b.ram, m.string) == options.modules[i].command_line);
        behind = m.mod_end;
        if (!options.modules[i].bytes.empty()) {
            CHECK(b.ram[m.mod_start] == options.modules[i].bytes.front());
            CHECK(b.ram[m.mod_end - 1] == options.modules[i].bytes.back());
        }
    }
}

TEST_CASE("The address fields of a Multiboot header load a file that is not ELF") {
    const Booted b(multiboot_flat());
    CHECK(b.state.eip == 0x100060);
    CHECK(get<std::uint8_t>(b.ram, 0x100000) == 0x90);
    CHECK(get<std::uint32_t>(b.ram, 0x100040) == multiboot::kHeaderMagic);
    CHECK(get<std::uint8_t>(b.ram, 0x1006FF) == 0x90);
    CHECK(get<std::uint8_t>(b.ram, 0x100700) == 0);
}

TEST_CASE("Zero for the ends in the address fields means the whole file and no .bss") {
    Bytes image = flat_with(2, 0);
    put(image, 0x4C + 4 * 3, std::uint32_t{0});
    const Booted b(image);
    CHECK(get<std::uint8_t>(b.ram, 0x1007FF) == 0x90);
    CHECK(get<std::uint8_t>(b.ram, 0x100800) == 0);
}

TEST_CASE("The address fields win over the ELF headers, even those of a 64-bit file") {
    Bytes image = multiboot_flat();
    std::memcpy(image.data(),
                "\x7F"
                "ELF\x02\x01\x01",
                7);
    CHECK(Booted(image).state.eip == 0x100060);
}

TEST_CASE("Senseless address fields are refused") {
    CHECK_THAT(load_error(flat_with(0, 0xFFFFF)), Contains("load_addr"));
    CHECK_THAT(load_error(flat_with(0, 0x100041)), Contains("precede the header"));
    CHECK_THAT(load_error(flat_with(2, 0x100801)), Contains("truncated"));
    CHECK_THAT(load_error(flat_with(2, 0xFFFFFFFF)), Contains("truncated"));
    CHECK_THAT(load_error(flat_with(2, 1)), Contains("load_end_addr"));
    CHECK_THAT(load_error(flat_with(3, 0x1006FF)), Contains("bss_end_addr"));
    CHECK_THAT(load_error(flat_with(3, 0xFFFFFFFF)), Contains("RAM ends"));
    CHECK_THAT(load_error(flat_with(4, 0xFFFFF)), Contains("entry_addr"));
    CHECK_THAT(load_error(flat_with(4, 0x103000)), Contains("entry_addr"));
}

TEST_CASE("A header with address fields that is cut off is refused") {
    Bytes image = multiboot_flat();
    image.resize(0x50);
    CHECK_THAT(load_error(image), Contains("truncated"));
}

TEST_CASE("A kernel that asks for a video mode is told of the 80x25 text screen") {
    const Booted b(multiboot_elf(multiboot::kVideoMode));
    REQUIRE((b.info.flags & multiboot::info::kFramebuffer) != 0);
    CHECK(std::uint64_t{b.info.framebuffer_addr} == 0xB8000);
    CHECK(std::uint32_t{b.info.framebuffer_pitch} == 160);
    CHECK(std::uint32_t{b.info.framebuffer_width} == 80);
    CHECK(std::uint32_t{b.info.framebuffer_height} == 25);
    CHECK(b.info.framebuffer_type == multiboot::kFramebufferEgaText);
}

TEST_CASE("Demands that Multiboot 1 does not know are refused, optional flags are not") {
    CHECK_THAT(load_error(multiboot_elf(1u << 3)), Contains("flags 0x8"));
    CHECK_THAT(load_error(multiboot_elf(1u << 15)), Contains("0x8000"));
    CHECK(load_error(multiboot_elf(1u << 20)).empty());
}

TEST_CASE("The Multiboot header counts only if it is aligned, whole, correct and in the first 8 KiB") {
    Bytes image(10000);
    put_multiboot_header(image, 8180, 0);
    CHECK(find_multiboot_header(image) == 8180u);
    Bytes late(10000);
    put_multiboot_header(late, 8184, 0);
    CHECK_FALSE(find_multiboot_header(late));
    Bytes odd(10000);
    put_multiboot_header(odd, 102, 0);
    CHECK_FALSE(find_multiboot_header(odd));
    Bytes wrong(10000);
    put_multiboot_header(wrong, 104, 0);
    put(wrong, 112, std::uint32_t{1});
    CHECK_FALSE(find_multiboot_header(wrong));
}

TEST_CASE("A Multiboot header without addresses in a file that is not ELF is refused") {
    Bytes image(4096);
    put_multiboot_header(image, 0, 0);
    CHECK_THAT(load_error(image), Contains("not ELF"));
}

TEST_CASE("Modules that do not fit into RAM are refused") {
    const Bytes big(3u << 20);
    BootOptions options;
    options.modules = {{big, "big"}};
    CHECK_THAT(load_error(multiboot_elf(), 4u << 20, options), Contains("module 0") && Contains("-m"));
    CHECK(load_error(multiboot_elf(), 8u << 20, options).empty());
}

TEST_CASE("A Multiboot kernel that fills low memory has its tables placed elsewhere") {
    Bytes image =
        elf_image(0x100010, {{0x100000, 0x100000, 0x300, 0x300, true}, {0x1000, 0x1000, 1, 0x9EC00, false}});
    put_multiboot_header(image, 0x204, 0);
    const Booted b(image);
    CHECK(b.state.reg(Gpr::ebx) > 0x100000);
    CHECK(b.state.gdtr.base > 0x100000);
    CHECK(b.info.mem_lower == 639);
}
