#include "monitor/boot/ram_layout.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "monitor/boot/memory_map.hpp"
#include "tests/monitor/boot/images.hpp"

using namespace ringpress;
using namespace ringpress::test;
using Catch::Matchers::Contains;

TEST_CASE("RAM is claimed once, and only where it is usable") {
    Bytes ram(4u << 20);
    RamLayout layout(ram);
    layout.claim(0x100000, 0x200000, "first");
    CHECK_THROWS_WITH(layout.claim(0x1FFFFF, 0x200001, "second"), Contains("second") && Contains("first"));
    CHECK_THROWS_WITH(layout.claim(0x9FBFF, 0x9FC01, "low"), Contains("video memory"));
    CHECK_THROWS_WITH(layout.claim(0x3FFFFF, 0x400001, "high"), Contains("RAM ends"));
    CHECK_THROWS_WITH(layout.claim(0xFFFFFFFF, 0x1FFFFFFFE, "wrapping"), Contains("RAM ends"));
    CHECK_NOTHROW(layout.claim(0x200000, 0x400000, "neighbour"));
    CHECK_NOTHROW(layout.claim(0x300000, 0x300000, "empty"));
    CHECK(layout.claimed_end() == 0x400000);
}

TEST_CASE("The lowest free place steps over the BIOS hole and what is taken") {
    Bytes ram(4u << 20);
    RamLayout layout(ram);
    layout.claim(0x10000, 0x11000, "taken");
    CHECK(layout.take_lowest(0x1000, 0x1000, 0xF800, layout.top(), "a") == 0x11000u);
    CHECK(layout.take_lowest(0x90000, 0x1000, 0x9000, layout.top(), "b") == 0x100000u);
    CHECK(layout.take_lowest(0x90000, 0x1000, 0x9000, layout.top(), "c") == 0x190000u);
    CHECK_FALSE(layout.take_lowest(0x90000, 0x1000, 0x9000, 0x9FC00, "d"));
    CHECK_FALSE(layout.take_lowest(5u << 20, 1, 0, ~0ull, "e"));
}

TEST_CASE("The highest free place lies below the limit and below what is taken") {
    Bytes ram(4u << 20);
    RamLayout layout(ram);
    layout.claim(0x3FF000, 0x400000, "taken");
    CHECK(layout.take_highest(0x1001, 0x1000, 0, ~0ull, "a") == 0x3FD000u);
    CHECK(layout.take_highest(0x1000, 0x1000, 0, 0x200800, "b") == 0x1FF000u);
    CHECK(layout.take_highest(0x1000, 0x1000, 0, 0x100800, "c") == 0x9E000u);
    CHECK_FALSE(layout.take_highest(0x1000, 0x1000, 0x3FE000, ~0ull, "d"));
    CHECK_FALSE(layout.take_highest(5u << 20, 1, 0, ~0ull, "e"));
}

TEST_CASE("Places that are taken at random never overlap, whatever their sizes") {
    const unsigned seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    Bytes ram(4u << 20);
    RamLayout layout(ram);
    std::vector<std::pair<std::uint64_t, std::uint64_t>> taken;
    for (unsigned i = 0; i < 400; ++i) {
        const std::uint64_t size = random() % 40000;
        const std::uint32_t align = 1u << (random() % 14);
        const auto at = random() % 2 ? layout.take_lowest(size, align, random() % ram.size(), ~0ull, "x")
                                     : layout.take_highest(size, align, 0, random() % ram.size(), "x");
        if (!at) continue;
        const std::uint64_t end = *at + size;
        CHECK(*at % align == 0);
        CHECK((end <= kLowMemoryEnd || (*at >= kHighMemory && end <= ram.size())));
        for (const auto& [b, e] : taken) CHECK((end <= b || *at >= e));
        taken.emplace_back(*at, end);
    }
    CHECK(taken.size() > 50);
}
