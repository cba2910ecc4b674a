#include "shadow/guest_memory.hpp"

#include <catch2/catch.hpp>
#include <vector>

using namespace ringpress;

namespace {

struct Device : MmioBus {
    struct Use {
        std::uint32_t at;
        unsigned width;
        std::uint32_t value;
        bool operator==(const Use&) const = default;
    };
    std::vector<Use> reads, writes;
    bool claims(gpa page) const override { return page.value == 0x3000; }
    std::uint32_t mmio_read(gpa a, unsigned width) override {
        reads.push_back({a.value, width, 0});
        return 0x11u * width;
    }
    void mmio_write(gpa a, unsigned width, std::uint32_t value) override {
        writes.push_back({a.value, width, value});
    }
};

struct Observer : WriteObserver {
    std::vector<std::uint32_t> pages;
    void ram_written(gpa page) override { pages.push_back(page.value); }
};

struct Fixture {
    static constexpr std::uint32_t kRam = 16 * kPageSize;
    std::vector<std::uint32_t> words = std::vector<std::uint32_t>(kRam / 4);
    VCpu cpu;
    Device device;
    Observer observer;
    GuestMemory memory{cpu, reinterpret_cast<std::uint8_t*>(words.data()), kRam, &device, &observer};

    /// Two adjacent pages at 4 MiB: the first at 0x9000, the second at `second` with its own bits.
    void page(std::uint32_t second) {
        words[0x1000 / 4 + 1] = 0x2000 | 7;
        words[0x2000 / 4] = 0x9000 | 7;
        words[0x2000 / 4 + 1] = second;
        cpu.cr3 = 0x1000;
        cpu.cr0 = cr0::PE | cr0::PG | cr0::WP;
    }
};

constexpr Access kRead = Access::read(false), kWrite = Access::store(false);

}  // namespace

TEST_CASE("reads and writes of every width are little endian") {
    Fixture f;
    REQUIRE(f.memory.write(gva(0x5001), 4, 0x44332211, kWrite));
    CHECK(f.memory.read(gva(0x5001), 4, kRead).value() == 0x44332211);
    CHECK(f.memory.read(gva(0x5002), 2, kRead).value() == 0x3322);
    CHECK(f.memory.read(gva(0x5004), 1, kRead).value() == 0x44);
    REQUIRE(f.memory.write(gva(0x5002), 1, 0xFFFFFFAA, kWrite));
    REQUIRE(f.memory.write(gva(0x5003), 2, 0xFFFFBBCC, kWrite));
    CHECK(f.memory.read(gva(0x5001), 4, kRead).value() == 0xBBCCAA11);
}

TEST_CASE("an access that straddles two pages goes to both frames") {
    Fixture f;
    f.page(0x7000 | 7);
    REQUIRE(f.memory.write(gva(0x400FFE), 4, 0x44332211, kWrite));
    CHECK(f.memory.read_physical(gpa(0x9FFE), 2) == 0x2211);
    CHECK(f.memory.read_physical(gpa(0x7000), 2) == 0x4433);
    CHECK(f.memory.read(gva(0x400FFE), 4, kRead).value() == 0x44332211);
    std::uint8_t bytes[6] = {};
    REQUIRE(f.memory.read_bytes(gva(0x400FFD), bytes, 6, kRead));
    CHECK(bytes[1] == 0x11);
    CHECK(bytes[4] == 0x44);
}

TEST_CASE("a straddling store that faults on its second page changes nothing") {
    Fixture f;
    f.page(0);
    CHECK(f.memory.write(gva(0x400FFE), 4, 0x44332211, kWrite).fault() == Fault::pf(pf_error::W, 0x401000));
    CHECK(f.memory.read_physical(gpa(0x9FFC), 4) == 0);
    CHECK(f.observer.pages.empty());
}

TEST_CASE("memory that is not there reads as ones and ignores writes") {
    Fixture f;
    REQUIRE(f.memory.write(gva(0x80000000), 4, 0, kWrite));
    CHECK(f.memory.read(gva(0x80000000), 4, kRead).value() == 0xFFFFFFFF);
    CHECK(f.memory.read(gva(0x80000000), 1, kRead).value() == 0xFF);
    // The access at the very end wraps around to the first byte of RAM.
    REQUIRE(f.memory.write(gva(0), 1, 0x5A, kWrite));
    CHECK(f.memory.read(gva(0xFFFFFFFF), 2, kRead).value() == 0x5AFF);
}

TEST_CASE("a claimed page goes to the device in the width of the access") {
    Fixture f;
    CHECK(f.memory.read(gva(0x3010), 2, kRead).value() == 0x22);
    REQUIRE(f.memory.write(gva(0x3020), 1, 0xFFFFFF77, kWrite));
    CHECK(f.device.reads == std::vector<Device::Use>{{0x3010, 2, 0}});
    CHECK(f.device.writes == std::vector<Device::Use>{{0x3020, 1, 0x77}});
    CHECK(f.words[0x3020 / 4] == 0);
}

TEST_CASE("every written RAM page is reported") {
    Fixture f;
    f.page(0x7000 | 7);
    REQUIRE(f.memory.write(gva(0x400004), 4, 1, kWrite));
    CHECK(f.observer.pages == std::vector<std::uint32_t>{0x9000});
    f.observer.pages.clear();
    REQUIRE(f.memory.write(gva(0x400FFF), 2, 1, kWrite));
    CHECK(f.observer.pages == std::vector<std::uint32_t>{0x9000, 0x7000});
}

TEST_CASE("a span is one page of plain RAM, or nothing") {
    Fixture f;
    CHECK(f.memory.span(gva(0x5010), 16, kRead).value() == f.memory.ram() + 0x5010);
    CHECK(f.observer.pages.empty());
    CHECK(f.memory.span(gva(0x5010), 16, kWrite).value() != nullptr);
    CHECK(f.observer.pages == std::vector<std::uint32_t>{0x5000});
    CHECK(f.memory.span(gva(0x5FF8), 9, kRead).value() == nullptr);
    CHECK(f.memory.span(gva(0x3000), 4, kRead).value() == nullptr);
    CHECK(f.memory.span(gva(0x80000000), 4, kRead).value() == nullptr);
    f.page(0);
    CHECK(f.memory.span(gva(0x401000), 4, kRead).fault() == Fault::pf(0, 0x401000));
}
