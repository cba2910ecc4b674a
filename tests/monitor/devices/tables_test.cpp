#include <catch2/catch.hpp>
#include <cstring>
#include <numeric>

#include "monitor/devices/mp_table.hpp"

using namespace ringpress;

namespace {

std::uint32_t word(const std::uint8_t* p, unsigned width) {
    std::uint32_t v = 0;
    std::memcpy(&v, p, width);
    return v;
}
unsigned sum(const std::uint8_t* p, std::size_t n) {
    return std::accumulate(p, p + n, 0u) & 0xFFu;
}

}  // namespace

TEST_CASE("the MP table is found by its signature and describes one processor and its APICs") {
    std::vector<std::uint8_t> ram(1 << 20);
    CpuModel model;
    model.features_edx = 0x07808111;
    write_mp_table(ram, model);
    const std::uint8_t* pointer = nullptr;
    for (std::uint32_t at = 0xF0000; at < 0x100000; at += 16)
        if (!std::memcmp(ram.data() + at, "_MP_", 4) && sum(ram.data() + at, 16) == 0)
            pointer = ram.data() + at;
    REQUIRE(pointer);
    CHECK(pointer[9] == 4);
    const std::uint8_t* table = ram.data() + word(pointer + 4, 4);
    REQUIRE(!std::memcmp(table, "PCMP", 4));
    const unsigned length = word(table + 4, 2);
    CHECK(sum(table, length) == 0);
    CHECK(word(table + 36, 4) == 0xFEE00000);
    CHECK(word(table + 34, 2) == 1 + 1 + 1 + 15 + 2);

    unsigned processors = 0, io_apics = 0, irqs = 0;
    const std::uint8_t* at = table + 44;
    while (at < table + length) {
        switch (at[0]) {
            case 0:
                ++processors;
                CHECK(at[3] == 3);
                CHECK(word(at + 8, 4) == model.features_edx);
                at += 20;
                break;
            case 1:
                CHECK(!std::memcmp(at + 2, "ISA   ", 6));
                at += 8;
                break;
            case 2:
                ++io_apics;
                CHECK(word(at + 4, 4) == 0xFEC00000);
                at += 8;
                break;
            case 3:
                irqs |= 1u << at[5];
                CHECK(at[7] == (at[5] == 0 ? 2 : at[5]));
                at += 8;
                break;
            default:
                CHECK(at[0] == 4);
                CHECK((at[1] == 3 ? at[7] == 0 : at[7] == 1));
                at += 8;
                break;
        }
    }
    CHECK(at == table + length);
    CHECK(processors == 1);
    CHECK(io_apics == 1);
    CHECK(irqs == 0xFFFBu);
}
