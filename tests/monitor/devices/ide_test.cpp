#include "monitor/devices/ide.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <random>

#include "fakes.hpp"

using namespace ringpress;

namespace {

constexpr unsigned kDrq = 0x08, kErr = 0x01, kDrdy = 0x40;

struct Fixture {
    fakes::Lines lines;
    std::vector<std::uint8_t> disk;
    IdeState state;
    IdeChannel ide;
    explicit Fixture(std::size_t sectors = 4096)
        : disk(sectors * 512), ide(state, 14, lines, Disk(disk), Disk()) {
        for (std::size_t i = 0; i < disk.size(); ++i) disk[i] = static_cast<std::uint8_t>(i * 31 + i / 512);
        ide.power_on();
    }
    unsigned in(unsigned offset) { return ide.read(offset, 1); }
    void out(unsigned offset, unsigned value) { ide.write(offset, 1, value); }
    void address(std::uint32_t lba, unsigned count) {
        out(6, 0xE0 | lba >> 24);
        out(2, count);
        out(3, lba & 0xFF);
        out(4, lba >> 8 & 0xFF);
        out(5, lba >> 16 & 0xFF);
    }
    /// Reads like a driver: one interrupt and a status read per block.
    std::vector<std::uint8_t> read_blocks(unsigned sectors, unsigned per_block, unsigned width) {
        std::vector<std::uint8_t> got;
        while (sectors) {
            const unsigned n = std::min(sectors, per_block);
            REQUIRE(lines.level[14]);
            REQUIRE((in(7) & (kDrq | kErr)) == kDrq);
            REQUIRE_FALSE(lines.level[14]);
            for (unsigned i = 0; i < n * 512; i += width) {
                const std::uint32_t v = ide.read(0, width);
                for (unsigned b = 0; b < width; ++b) got.push_back(static_cast<std::uint8_t>(v >> 8 * b));
            }
            sectors -= n;
        }
        CHECK((in(7) & kDrq) == 0);
        CHECK_FALSE(lines.level[14]);
        return got;
    }
    std::vector<std::uint8_t> image(std::size_t lba, std::size_t sectors) const {
        return {disk.begin() + static_cast<long>(lba * 512),
                disk.begin() + static_cast<long>((lba + sectors) * 512)};
    }
};

}  // namespace

TEST_CASE("IDENTIFY describes the disk") {
    Fixture f(100'000);
    f.out(6, 0xA0);
    f.out(7, 0xEC);
    const std::vector<std::uint8_t> raw = f.read_blocks(1, 1, 2);
    const auto word = [&raw](unsigned n) { return raw[2 * n] | raw[2 * n + 1] << 8; };
    CHECK((word(0) & 0x8000) == 0);
    CHECK(word(1) == 100'000 / (16 * 63));
    CHECK((word(60) | word(61) << 16) == 100'000);
    CHECK(word(100) + word(101) * 65536 == 100'000);
    CHECK((word(49) & 0x0300) == 0x0200);
    CHECK((word(83) & 0x0400) == 0x0400);
    CHECK((word(47) & 0xFF) == kIdeMaxMultiple);
    CHECK(raw[27 * 2 + 1] == 'R');
    CHECK(raw[27 * 2] == 'I');
}

TEST_CASE("sectors are read by LBA28, LBA48 and CHS alike") {
    Fixture f;
    f.address(1000, 3);
    f.out(7, 0x20);
    CHECK(f.read_blocks(3, 1, 2) == f.image(1000, 3));

    f.out(6, 0x40);
    for (const unsigned high : {1u, 0u}) {
        f.out(2, high ? 0 : 5);
        f.out(3, high ? 0 : 1000 & 0xFF);
        f.out(4, high ? 0 : 1000 >> 8);
        f.out(5, 0);
    }
    f.out(7, 0x24);
    CHECK(f.read_blocks(5, 1, 4) == f.image(1000, 5));

    // 1000 = (0 cylinder, head 15, sector 56) in 16 heads of 63 sectors
    f.out(6, 0xA0 | 15);
    f.out(2, 1);
    f.out(3, 56);
    f.out(4, 0);
    f.out(5, 0);
    f.out(7, 0x20);
    CHECK(f.read_blocks(1, 1, 2) == f.image(1000, 1));
}

TEST_CASE("READ MULTIPLE interrupts once per block") {
    Fixture f;
    f.out(6, 0xE0);
    f.out(2, 0);
    f.out(7, 0xC6);
    CHECK((f.in(7) & kErr) == 0);
    f.address(7, 21);
    f.out(7, 0xC4);
    CHECK((f.in(7) & kErr) == kErr);  // switched off
    f.out(2, 8);
    f.out(7, 0xC6);
    CHECK((f.in(7) & kErr) == 0);
    f.address(7, 21);
    f.out(7, 0xC4);
    CHECK(f.read_blocks(21, 8, 4) == f.image(7, 21));
}

TEST_CASE("a count of zero means 256 sectors") {
    Fixture f;
    f.address(0, 0);
    f.out(7, 0x20);
    CHECK(f.read_blocks(256, 1, 4) == f.image(0, 256));
}

TEST_CASE("a write asks for its first sector by DRQ alone and interrupts when each is stored") {
    Fixture f;
    f.address(20, 2);
    f.out(7, 0x30);
    CHECK_FALSE(f.lines.level[14]);
    for (unsigned s = 0; s < 2; ++s) {
        CHECK((f.in(7) & kDrq) == kDrq);
        CHECK(f.disk[(20 + s) * 512] != 0xAB);
        for (unsigned i = 0; i < 512; i += 2) f.ide.write(0, 2, 0xCDAB);
        CHECK(f.lines.level[14]);
        CHECK(f.disk[(20 + s) * 512] == 0xAB);
        CHECK(f.disk[(20 + s) * 512 + 511] == 0xCD);
    }
    CHECK((f.in(7) & (kDrq | kDrdy)) == kDrdy);
}

TEST_CASE("nothing beyond the end of the disk is read or written") {
    Fixture f(100);
    for (const unsigned command : {0x20u, 0x30u, 0x40u}) {
        f.address(99, 2);
        f.out(7, command);
        CHECK((f.in(7) & (kErr | kDrq)) == kErr);
        CHECK(f.in(1) == 0x10);
    }
}

TEST_CASE("commands that PIO disks do not have are aborted") {
    Fixture f;
    for (const unsigned command : {0xC8u, 0xCAu, 0xA0u, 0xA1u, 0x25u, 0x35u, 0xF5u}) {
        f.address(0, 1);
        f.out(7, command);
        CHECK(f.lines.level[14]);
        CHECK((f.in(7) & (kErr | kDrq)) == kErr);
        CHECK(f.in(1) == 0x04);
    }
}

TEST_CASE("a missing slave reads as zero, and its commands do nothing") {
    Fixture f;
    f.out(6, 0xF0);
    CHECK(f.in(7) == 0);
    CHECK(f.in(8) == 0);
    CHECK(f.in(1) == 0);
    f.out(7, 0xEC);
    CHECK(f.in(7) == 0);
    CHECK_FALSE(f.lines.level[14]);
    f.out(6, 0xE0);
    CHECK(f.in(7) == 0x50);
}

TEST_CASE("a missing master beside a slave is ready, and aborts every command") {
    fakes::Lines lines;
    std::vector<std::uint8_t> disk(64 * 512);
    IdeState state;
    IdeChannel ide(state, 14, lines, Disk(), Disk(disk));
    ide.power_on();
    ide.write(6, 1, 0xE0);
    CHECK(ide.read(7, 1) == 0x50);
    for (const unsigned command : {0x20u, 0x30u, 0xECu, 0x10u, 0xC6u}) {
        ide.write(7, 1, command);
        CHECK(lines.level[14]);
        CHECK((ide.read(7, 1) & (kErr | kDrq)) == kErr);
        CHECK(ide.read(1, 1) == 0x04);
    }
    ide.write(6, 1, 0xF0);
    ide.write(7, 1, 0xEC);
    CHECK((ide.read(7, 1) & (kErr | kDrq)) == kDrq);
}

TEST_CASE("a soft reset is busy while it lasts, and leaves the signature") {
    Fixture f;
    f.address(0x123456, 9);
    f.out(8, 4);
    CHECK((f.in(8) & 0x80) == 0x80);
    f.out(8, 0);
    CHECK(f.in(7) == 0x50);
    CHECK(f.in(1) == 1);
    CHECK(f.in(2) == 1);
    CHECK(f.in(3) == 1);
    CHECK((f.in(4) | f.in(5)) == 0);
}

TEST_CASE("nIEN keeps the interrupt line quiet, and the alternate status does not acknowledge") {
    Fixture f;
    f.out(8, 2);
    f.address(0, 1);
    f.out(7, 0x20);
    CHECK_FALSE(f.lines.level[14]);
    f.out(8, 0);
    CHECK(f.lines.level[14]);
    (void)f.in(8);
    CHECK(f.lines.level[14]);
    (void)f.in(7);
    CHECK_FALSE(f.lines.level[14]);
}

TEST_CASE("random writes and reads agree with a plain copy of the disk") {
    const unsigned seed = Catch::rngSeed() ? Catch::rngSeed() : 14;
    INFO("seed " << seed);
    std::mt19937 random(seed);
    Fixture f(600);
    std::vector<std::uint8_t> mirror = f.disk;
    f.out(6, 0xE0);
    f.out(2, 16);
    f.out(7, 0xC6);
    (void)f.in(7);
    for (int step = 0; step < 400; ++step) {
        const unsigned lba = random() % 600, count = 1 + random() % std::min(600 - lba, 40u);
        const bool multiple = random() % 2;
        const unsigned width = random() % 2 ? 2 : 4;
        f.address(lba, count);
        if (random() % 2) {
            f.out(7, multiple ? 0xC4 : 0x20);
            const auto got = f.read_blocks(count, multiple ? 16 : 1, width);
            REQUIRE(std::memcmp(got.data(), mirror.data() + lba * 512, got.size()) == 0);
        } else {
            f.out(7, multiple ? 0xC5 : 0x30);
            for (unsigned i = 0; i < count * 512; i += width) {
                const std::uint32_t v = random();
                std::memcpy(mirror.data() + lba * 512 + i, &v, width);
                REQUIRE((f.in(8) & kDrq) == kDrq);
                f.ide.write(0, width, v);
            }
            REQUIRE((f.in(7) & (kDrq | kErr)) == 0);
        }
    }
    CHECK(mirror == f.disk);
}

TEST_CASE("a state that was tampered with cannot reach outside the buffer or the disk") {
    const unsigned seed = Catch::rngSeed() ? Catch::rngSeed() : 15;
    INFO("seed " << seed);
    std::mt19937 random(seed);
    Fixture f(8);
    for (int step = 0; step < 20000; ++step) {
        auto* raw = reinterpret_cast<std::uint8_t*>(&f.state);
        for (unsigned i = 0; i < sizeof(IdeState) - sizeof f.state.buffer; ++i)
            if (random() % 8 == 0) raw[i] = static_cast<std::uint8_t>(random());
        const unsigned offset = random() % 9;
        if (random() % 2)
            f.ide.write(offset, offset ? 1 : 4, random());
        else
            (void)f.ide.read(offset, offset ? 1 : 4);
    }
    SUCCEED("the sanitizers, and the guard pages of the host, had no objection");
}
