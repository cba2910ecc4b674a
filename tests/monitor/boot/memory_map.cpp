#include "monitor/boot/memory_map.hpp"

#include <catch2/catch.hpp>

using namespace ringpress;

TEST_CASE("The memory map covers RAM in ascending order without overlaps and reserves the APIC windows") {
    const std::uint64_t ram = GENERATE(1ull << 20, 2ull << 20, 256ull << 20, 2048ull << 20, 0xFEC00000ull);
    const auto map = memory_map(ram);
    std::uint64_t end = 0, usable = 0;
    bool io_apic = false, local_apic = false;
    for (const MemoryRange& r : map) {
        CHECK(r.base >= end);
        CHECK(r.length > 0);
        end = r.base + r.length;
        if (r.type == MemoryType::usable) usable += r.length;
        io_apic |= r.base == 0xFEC00000 && r.type == MemoryType::reserved;
        local_apic |= r.base == 0xFEE00000 && r.type == MemoryType::reserved;
    }
    CHECK(usable == 0x9FC00 + ram - (1u << 20));
    CHECK(io_apic);
    CHECK(local_apic);
}
