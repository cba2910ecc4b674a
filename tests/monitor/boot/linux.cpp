#include "monitor/boot/linux.hpp"

#include <catch2/catch.hpp>

#include "monitor/boot/memory_map.hpp"
#include "tests/monitor/boot/images.hpp"

using namespace ringpress;
using namespace ringpress::test;
using Catch::Matchers::Contains;

namespace {

template <class T>
Bytes bzimage_with(std::size_t at, T value) {
    Bytes image = bzimage();
    put(image, at, value);
    return image;
}

}  // namespace

TEST_CASE("A bzImage is loaded at 1 MiB and entered with ESI at its zero page") {
    Bytes ram(16u << 20);
    BootOptions options;
    options.command_line = "console=ttyS0";
    const BootState state = load_kernel(bzimage(), ram, options);
    CHECK(state.eip == 0x100000);
    CHECK(get<std::uint8_t>(ram, 0x100000) == 0xAB);
    CHECK(get<std::uint8_t>(ram, 0x102FFF) == 0xAB);
    CHECK(get<std::uint8_t>(ram, 0x103000) == 0);
    const auto zero_page = std::span<const std::byte>(ram).subspan(state.reg(Gpr::esi), 4096);
    CHECK(get<std::uint32_t>(zero_page, 0x202) == 0x53726448);
    CHECK(get<std::uint8_t>(zero_page, 0x210) == 0xFF);
    CHECK(get<std::uint8_t>(zero_page, 0x1EF) == 0);  // the sentinel: this loader fills in what it means
    CHECK(text(ram, get<std::uint32_t>(zero_page, 0x228)) == "console=ttyS0");
    CHECK(get<std::uint8_t>(zero_page, 0x06) == 3);
    CHECK(get<std::uint8_t>(zero_page, 0x07) == 80);
    CHECK(get<std::uint8_t>(zero_page, 0x0E) == 25);
    CHECK(get<std::uint8_t>(zero_page, 0x0F) == 1);
    CHECK(get<std::uint32_t>(zero_page, 0x1E0) == 15 * 1024);
}

TEST_CASE("A bzImage starts with the selectors of the 32-bit boot protocol") {
    Bytes ram(16u << 20);
    const BootState state = load_kernel(bzimage(), ram, {});
    CHECK(state.code_selector == 0x10);
    CHECK(state.data_selector == 0x18);
    CHECK(get<std::uint64_t>(ram, state.gdtr.base + 0x10) == kFlatCodeDescriptor);
    CHECK(get<std::uint64_t>(ram, state.gdtr.base + 0x18) == kFlatDataDescriptor);
    for (Gpr r : {Gpr::ebp, Gpr::edi, Gpr::ebx}) CHECK(state.reg(r) == 0);
}

TEST_CASE("The e820 table lists the same ranges as the board") {
    Bytes ram(16u << 20);
    const BootState state = load_kernel(bzimage(), ram, {});
    const auto map = memory_map(16u << 20);
    REQUIRE(get<std::uint8_t>(ram, state.reg(Gpr::esi) + 0x1E8) == map.size());
    for (std::size_t i = 0; i < map.size(); ++i) {
        const std::size_t at = state.reg(Gpr::esi) + 0x2D0 + 20 * i;
        CHECK(get<std::uint64_t>(ram, at) == map[i].base);
        CHECK(get<std::uint64_t>(ram, at + 8) == map[i].length);
        CHECK(get<std::uint32_t>(ram, at + 16) == static_cast<std::uint32_t>(map[i].type));
    }
}

TEST_CASE("The initrd lies as high as RAM and initrd_addr_max allow, beyond what the kernel unpacks over") {
    const Bytes initrd(10000, std::byte{0xCD});
    BootOptions options;
    options.modules = {{initrd, ""}};
    const std::uint32_t limit = GENERATE(0x7FFFFFFFu, 0x5FFFFFu, 0x5FF000u);
    Bytes ram(16u << 20);
    const BootState state = load_kernel(bzimage_with<std::uint32_t>(0x22C, limit), ram, options);
    const auto at = get<std::uint32_t>(ram, state.reg(Gpr::esi) + 0x218);
    CHECK(get<std::uint32_t>(ram, state.reg(Gpr::esi) + 0x21C) == initrd.size());
    CHECK(at % 4096 == 0);
    CHECK(at + initrd.size() - 1 <= limit);
    CHECK(at + initrd.size() + 2 * 4096 > std::min<std::uint64_t>(16u << 20, std::uint64_t{limit} + 1));
    CHECK(at >= 0x208000);  // pref_address + init_size
    CHECK(get<std::uint8_t>(ram, at) == 0xCD);
    CHECK(get<std::uint8_t>(ram, at + 9999) == 0xCD);
}

TEST_CASE("An initrd that is larger than RAM, or that leaves the kernel no room, is refused") {
    for (std::size_t size :
         {std::size_t{3} << 20, std::size_t{5} << 20, (std::size_t{4} << 20) - 0x208000 + 1}) {
        const Bytes initrd(size);
        BootOptions options;
        options.modules = {{initrd, ""}};
        CHECK_THAT(load_error(bzimage(), 4u << 20, options), Contains("initrd") && Contains("-m"));
    }
    const Bytes just(((std::size_t{4} << 20) - 0x208000));
    BootOptions options;
    options.modules = {{just, ""}};
    CHECK(load_error(bzimage(), 4u << 20, options).empty());
    options.modules.push_back({just, ""});
    CHECK_THAT(load_error(bzimage(), 16u << 20, options), Contains("one initial RAM disk"));
}

TEST_CASE("RAM that is too small for the kernel to unpack in is refused") {
    CHECK_THAT(load_error(bzimage(), 2u << 20), Contains("-m"));
    CHECK(load_error(bzimage(), 3u << 20).empty());
    CHECK_THAT(load_error(bzimage_with<std::uint64_t>(0x258, 0x100000000), 16u << 20),
               Contains("beyond 4 GiB"));
    CHECK_THAT(load_error(bzimage_with<std::uint64_t>(0x258, ~0ull), 16u << 20), Contains("beyond 4 GiB"));
    CHECK_THAT(load_error(bzimage_with<std::uint32_t>(0x260, ~0u), 16u << 20), Contains("-m"));
}

TEST_CASE("A bzImage that is too old, low-loaded, 64-bit or cut off is refused") {
    CHECK_THAT(load_error(bzimage_with<std::uint16_t>(0x206, 0x201)), Contains("2.01"));
    CHECK_THAT(load_error(bzimage_with<std::uint8_t>(0x211, 0)), Contains("zImage"));
    CHECK_THAT(load_error(bzimage_with<std::uint16_t>(0x236, 1)), Contains("64-bit"));
    const Bytes whole = bzimage();
    for (std::size_t length = 0x206; length + 16 < whole.size(); length += 7) {
        INFO("length " << length);
        CHECK_THAT(load_error(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length))),
                   Contains("truncated"));
    }
}

TEST_CASE("A command line that is longer than the kernel takes is refused") {
    BootOptions options;
    options.command_line = std::string(2047, 'x');
    CHECK(load_error(bzimage(), 16u << 20, options).empty());
    options.command_line += 'x';
    CHECK_THAT(load_error(bzimage(), 16u << 20, options), Contains("2048") && Contains("2047"));
}
