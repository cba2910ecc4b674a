#include <catch2/catch.hpp>
#include <random>

#include "tests/shadow/shadow_world.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {

constexpr std::uint32_t P = pte::P, RW = pte::RW, US = pte::US, A = pte::A, D = pte::D, PS = pte::PS;
constexpr std::uint32_t kRegionBytes = 1u << kRegionShift;

std::uint64_t moves(ShadowWorld& w) {
    return w.shadow.counters().window_moves;
}
/// The guest-linear address whose data would lie where the code of `address` does.
std::uint32_t window(const ShadowWorld& w, std::uint32_t address) {
    return w.shadow.data_address(address).value;
}

/// One instruction needs its code and its data at the same time: how many rounds of faults until both are
/// there.
unsigned rounds(ShadowWorld& w, std::uint32_t code, std::uint32_t data) {
    for (unsigned n = 1; n < 10; ++n) {
        const bool good = w.execute(code) && w.touch(data);
        if (!good) return 100;
        if (w.code_at(code).kind == HostPage::view && w.data_at(data).kind == HostPage::ram) return n;
    }
    return 10;
}

/// Every directory entry a 4 MiB page.
void fill_directory(ShadowWorld& w) {
    for (std::uint32_t r = 0; r < kRegions; ++r)
        w.word(ShadowWorld::kDirectory + r * 4) = P | RW | US | PS | A | D;
}

}  // namespace

TEST_CASE("S is a multiple of 4 MiB and never zero") {
    ShadowWorld w;
    CHECK(w.shadow.data_shift() != 0);
    CHECK(w.shadow.data_shift() % kRegionBytes == 0);
}

TEST_CASE("data that is touched where a window lies moves S") {
    ShadowWorld w;
    w.map(0xC0100000, 40, 0);
    REQUIRE(w.execute(0xC0100000));
    const std::uint32_t there = window(w, 0xC0100000);
    w.map(there, 50, RW);
    CHECK(rounds(w, 0xC0100000, there) < 4);
    CHECK(window(w, 0xC0100000) != there);
    CHECK(moves(w) > 0);
    CHECK(w.inconsistency() == "");
}

TEST_CASE("code in the first region takes no data along when it comes back after a flush") {
    ShadowWorld w;
    w.map(0x00001000, 40, US);
    w.map(0x40000000, 50, RW | US);
    w.execute(0x00001000);
    const std::uint64_t before = moves(w);
    for (unsigned n = 0; n < 5; ++n) {
        REQUIRE(w.touch(0x40000000));
        w.pte_of(0x00001000) = 0;
        w.shadow.flush_changed();
        CHECK(w.code_at(0x00001000).kind == HostPage::none);
        w.map(0x00001000, 40, US);
        REQUIRE(w.execute(0x00001000));
        CHECK(w.data_at(0x40000000).kind == HostPage::ram);
    }
    CHECK(moves(w) == before);
    CHECK(w.inconsistency() == "");
}

TEST_CASE("before user code runs, no window lies where the directory names a table") {
    ShadowWorld w;
    w.map(0xC0100000, 40, 0);
    w.map(0x08048000, 50, US);
    w.cpu.cpl = 3;
    for (unsigned n = 0; n < 8; ++n) {
        w.cpu.cpl = 0;
        REQUIRE(w.execute(0xC0100000));
        w.cpu.cpl = 3;
        REQUIRE(w.execute(0x08048000));
        w.map(window(w, n % 2 ? 0xC0100000 : 0x08048000), 60, RW);
        w.shadow.enter_user();
        for (const std::uint32_t code : {0xC0100000u, 0x08048000u})
            if (w.code_at(code).kind == HostPage::view) CHECK_FALSE(w.pde(window(w, code)) & P);
        REQUIRE(w.inconsistency() == "");
    }
}

TEST_CASE("user code finds no window of kernel code in its reach while there is room above") {
    ShadowWorld w;
    w.map(0x08048000, 50, US | RW);
    w.map(0xBFFFF000, 51, US | RW);
    for (std::uint32_t r = 0; r < 8; ++r) w.map(0xC0000000 + r * kRegionBytes, 60 + r, RW);
    for (unsigned n = 0; n < 8; ++n) {
        w.cpu.cpl = 0;
        for (std::uint32_t r = 0; r <= n; ++r) {  // one more region of kernel code in each round
            REQUIRE(w.execute(0xC0000000 + r * kRegionBytes));
            REQUIRE(w.touch(0xC0000000 + r * kRegionBytes));
        }
        w.cpu.cpl = 3;
        for (unsigned tries = 0; tries < 3; ++tries) {
            REQUIRE(w.execute(0x08048000));
            REQUIRE(w.touch(0xBFFFF000));
            w.shadow.enter_user();
        }
        CHECK(w.shadow.user_boundary() == 0xC0000000);
        for (std::uint32_t r = 0; r <= n; ++r)
            if (w.code_at(0xC0000000 + r * kRegionBytes).kind == HostPage::view)
                CHECK(window(w, 0xC0000000 + r * kRegionBytes) >= w.shadow.user_boundary());
    }
    CHECK(moves(w) < 8);
}

TEST_CASE("without paging windows lie outside RAM") {
    ShadowWorld w(false);
    REQUIRE(rounds(w, 0x00100000, 0x00200000) < 4);
    CHECK(window(w, 0x00100000) >= w.host.ram_bytes);
    REQUIRE(rounds(w, 0x00500000, 0x00001000) < 4);
    CHECK(window(w, 0x00500000) >= w.host.ram_bytes);
    w.shadow.enter_user();
    CHECK(w.inconsistency() == "");
}

TEST_CASE("the host's first region never holds data, whatever S is and however low the floor") {
    ShadowLimits limits;
    limits.low_floor = GENERATE(0u, 4096u, 65536u);
    ShadowWorld w(true, limits);
    for (unsigned n = 0; n < 6; ++n) {
        const std::uint32_t at = 0u - w.shadow.data_shift();  // would lie at 0 on the host
        w.map(at, 40, RW | D);
        w.map(at + 0x8000, 41, RW | D);
        REQUIRE(w.touch(at + 0x8000, true));
        REQUIRE(w.touch(at));
        CHECK(w.last == ShadowPages::DataFault::mapped);
        CHECK(at + w.shadow.data_shift() >= kRegionBytes);
        REQUIRE(w.inconsistency() == "");
    }
}

TEST_CASE("a directory without an empty entry still leaves room for code and data together") {
    ShadowWorld w;
    fill_directory(w);
    const std::uint32_t kernel = 0x00100000, user = 0x08048000;
    for (const std::uint32_t data : {0x00180000u, 0x40000000u, 0x7FC00000u, 0xFFC00000u}) {
        CHECK(rounds(w, kernel, data) < 6);
        CHECK(w.inconsistency() == "");
    }
    SECTION("and S comes to rest while code of two regions takes turns") {
        for (unsigned n = 0; n < 10; ++n) w.execute(kernel), w.execute(user);
        const std::uint64_t before = moves(w);
        for (unsigned n = 0; n < 50; ++n) {
            REQUIRE(w.execute(kernel));
            REQUIRE(w.execute(user));
            w.shadow.enter_user();
        }
        CHECK(moves(w) == before);
        CHECK(w.code_at(kernel).kind == HostPage::view);
        CHECK(w.code_at(user).kind == HostPage::view);
    }
}

TEST_CASE("code in every region leaves a place for what is being executed and its data") {
    ShadowWorld w;
    fill_directory(w);
    const auto somewhere = [](std::uint32_t region) { return region * kRegionBytes + 0x123000; };
    for (std::uint32_t r = 1; r < kRegions; ++r) REQUIRE(w.execute(somewhere(r)));
    for (const std::uint32_t r : {1u, 2u, 511u, 1023u}) {
        w.cpu.eip = somewhere(r);
        for (const std::uint32_t data : {1u, 2u, 512u, 1022u, 1023u}) {
            for (std::uint32_t c = 1; c < kRegions; ++c) REQUIRE(w.execute(somewhere(c)));
            CHECK(rounds(w, somewhere(r), somewhere(data)) < 6);
        }
    }
    CHECK(w.inconsistency() == "");
}

TEST_CASE("code in hundreds of regions and data in the others keep finding a place") {
    const unsigned seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    ShadowWorld w;
    fill_directory(w);
    std::vector<std::uint32_t> addresses;
    for (std::uint32_t r = 0; r < kRegions; ++r)
        addresses.push_back(r * kRegionBytes + random() % 1024 * kPageSize);
    std::shuffle(addresses.begin(), addresses.end(), random);
    for (unsigned n = 0; n < 400; ++n) REQUIRE(w.execute(addresses[n]));
    for (unsigned n = 400; n < kRegions; ++n) REQUIRE(w.touch(addresses[n]));
    REQUIRE(w.inconsistency() == "");
    for (unsigned n = 0; n < 200; ++n) {
        const std::uint32_t code = addresses[random() % 400], data = addresses[400 + random() % 600];
        REQUIRE(rounds(w, code, data) < 8);
        if (n % 20 == 0) REQUIRE(w.inconsistency() == "");
    }
}
