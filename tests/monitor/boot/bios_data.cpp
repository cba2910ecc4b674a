#include "monitor/boot/bios_data.hpp"

#include <catch2/catch.hpp>

#include "monitor/boot/memory_map.hpp"
#include "tests/monitor/boot/images.hpp"

using namespace ringpress;
using namespace ringpress::test;

TEST_CASE("The BIOS data area names the serial port, low memory and the screen") {
    Bytes ram(4u << 20);
    BootOptions options;
    options.hard_disks = 2;
    load_kernel(plain_elf(), ram, options);
    CHECK(get<std::uint16_t>(ram, 0x400) == 0x3F8);
    CHECK(get<std::uint16_t>(ram, 0x40E) == 0x9FC0);
    CHECK(get<std::uint16_t>(ram, 0x413) == 639);
    CHECK(get<std::uint16_t>(ram, 0x463) == 0x3D4);
    CHECK(get<std::uint8_t>(ram, 0x475) == 2);
    CHECK(get<std::uint16_t>(ram, 0x402) == 0);
    CHECK(get<std::uint16_t>(ram, 0x44A) == 80);
    CHECK(get<std::uint8_t>(ram, kLowMemoryEnd) == 1);
}

TEST_CASE("The end of the ROM names an AT, and the text screen is blank") {
    Bytes ram(4u << 20);
    load_kernel(plain_elf(), ram, {});
    CHECK(get<std::uint8_t>(ram, 0xFFFF0) == 0xEA);
    CHECK(get<std::uint8_t>(ram, 0xFFFF7) == '/');
    CHECK(get<std::uint8_t>(ram, 0xFFFFE) == 0xFC);
    for (std::uint32_t at = 0xB8000; at < 0xC0000; at += 2) REQUIRE(get<std::uint16_t>(ram, at) == 0x0720);
    CHECK(get<std::uint16_t>(ram, 0xC0000) == 0);
}

TEST_CASE("A kernel that is loaded over the BIOS data area keeps its bytes") {
    Bytes ram(4u << 20);
    load_kernel(elf_image(0x10, {{0, 0, 0x1000, 0x1000, true}}), ram, {});
    for (std::size_t at = 0; at < 0x1000; ++at) REQUIRE(ram[at] == std::byte{0x11});
}
