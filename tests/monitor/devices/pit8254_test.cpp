#include "monitor/devices/pit8254.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "fakes.hpp"
#include "monitor/devices/ticks.hpp"

using namespace ringpress;

namespace {

struct Fixture {
    fakes::Lines lines;
    fakes::Clock clock;
    Pit8254State state;
    Pit8254 pit{state, lines, clock};
    SystemControlB port61{state, pit, clock};
    Fixture() { pit.power_on(); }

    void at(std::uint64_t cycle) { clock.time = time_of_cycle(cycle, kPitHz); }
    void program(unsigned counter, unsigned mode, unsigned count) {
        pit.write(3, 1, counter << 6 | 0x30 | mode << 1);
        pit.write(counter, 1, count & 0xFF);
        pit.write(counter, 1, count >> 8);
    }
    unsigned count(unsigned counter) {
        pit.write(3, 1, counter << 6);
        const unsigned low = pit.read(counter, 1);
        return low | pit.read(counter, 1) << 8;
    }
};

}  // namespace

TEST_CASE("cycles and nanoseconds convert back and forth exactly") {
    const unsigned seed = Catch::rngSeed() ? Catch::rngSeed() : 1;
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    for (int i = 0; i < 10000; ++i) {
        const std::uint64_t cycle = random() >> 24;
        const Nanoseconds t = time_of_cycle(cycle, kPitHz);
        REQUIRE(cycles_at(t, kPitHz) == cycle);
        if (t) REQUIRE(cycles_at(t - 1, kPitHz) < cycle);
    }
}

TEST_CASE("mode 0 raises OUT once, when the count has run out") {
    Fixture f;
    f.at(1000);
    f.program(0, 0, 500);
    CHECK_FALSE(f.lines.level[0]);
    CHECK_FALSE(f.pit.out(0));
    CHECK(f.pit.deadline() == time_of_cycle(1501, kPitHz));
    f.at(1500);
    f.pit.advance();
    CHECK_FALSE(f.lines.level[0]);
    f.at(1501);
    f.pit.advance();
    CHECK(f.lines.level[0]);
    CHECK(f.pit.out(0));
    CHECK(f.pit.deadline() == kNever);
    CHECK(f.count(0) == 0);
    f.at(1502);
    CHECK(f.count(0) == 0xFFFF);  // counts on
}

TEST_CASE("modes 2 and 3 raise an edge each period") {
    for (const unsigned mode : {2u, 3u}) {
        Fixture f;
        f.at(10);
        f.program(0, mode, 11932);
        const unsigned before = f.lines.rises[0];
        for (unsigned tick = 1; tick <= 50; ++tick) {
            f.clock.time = f.pit.deadline();
            REQUIRE(cycles_at(f.clock.time, kPitHz) == 11 + tick * 11932u);
            f.pit.advance();
            REQUIRE(f.lines.rises[0] == before + tick);
        }
    }
}

TEST_CASE("mode 2 is low for the last cycle, mode 3 for the second half") {
    Fixture f;
    f.at(0);
    f.program(2, 2, 100);
    f.port61.write(0, 1, 1);  // the gate's rising edge reloads: at cycle 1
    for (unsigned c = 1; c < 401; ++c) {
        f.at(c);
        REQUIRE(f.pit.out(2) == ((c - 1) % 100 != 99));
        REQUIRE(f.count(2) == 100 - (c - 1) % 100);
    }
    f.port61.write(0, 1, 0);
    f.at(1000);
    f.program(2, 3, 101);
    f.port61.write(0, 1, 1);
    for (unsigned c = 1001; c < 1400; ++c) {
        f.at(c);
        REQUIRE(f.pit.out(2) == ((c - 1001) % 101 < 51));
    }
}

TEST_CASE("mode 4 strobes: the edge comes one cycle after the terminal count") {
    Fixture f;
    f.at(100);
    f.program(0, 4, 50);
    const unsigned before = f.lines.rises[0];
    CHECK(f.pit.deadline() == time_of_cycle(152, kPitHz));
    f.at(151);
    CHECK_FALSE(f.pit.out(0));
    f.at(152);
    f.pit.advance();
    CHECK(f.pit.out(0));
    CHECK(f.lines.rises[0] == before + 1);
    CHECK(f.pit.deadline() == kNever);
}

TEST_CASE("modes 1 and 5 wait for the gate") {
    Fixture f;
    f.at(10);
    f.program(2, 1, 30);
    CHECK(f.pit.out(2));
    f.at(100);
    CHECK(f.pit.out(2));
    f.port61.write(0, 1, 1);
    f.at(101);
    CHECK_FALSE(f.pit.out(2));
    f.at(131);
    CHECK(f.pit.out(2));
}

TEST_CASE("a count written in mode 2 takes effect at the next period") {
    Fixture f;
    f.at(0);
    f.program(0, 2, 1000);  // loaded at 1
    f.at(5500);
    f.pit.advance();
    f.pit.write(0, 1, 200);
    f.pit.write(0, 1, 0);
    CHECK(f.count(0) == 1000 - 5499 % 1000);
    CHECK(f.pit.deadline() == time_of_cycle(6001, kPitHz));
    f.at(6001);
    f.pit.advance();
    CHECK(f.pit.deadline() == time_of_cycle(6201, kPitHz));
}

TEST_CASE("the gate of counter 2 stops mode 0 and OUT2 shows in port 0x61") {
    Fixture f;
    f.at(0);
    f.port61.write(0, 1, 1);
    f.program(2, 0, 1000);
    f.at(401);
    f.port61.write(0, 1, 2);
    CHECK((f.port61.read(0, 1) & 0x23) == 2);
    f.at(5000);
    CHECK(f.count(2) == 600);
    f.port61.write(0, 1, 1);
    f.at(5599);
    CHECK((f.port61.read(0, 1) & 0x20) == 0);
    f.at(5600);
    CHECK((f.port61.read(0, 1) & 0x20) == 0x20);
}

TEST_CASE("the refresh bit of port 0x61 toggles every 15 microseconds") {
    Fixture f;
    unsigned toggles = 0, last = f.port61.read(0, 1) & 0x10;
    for (f.clock.time = 0; f.clock.time < 1'000'000; f.clock.time += 1000) {
        const unsigned bit = f.port61.read(0, 1) & 0x10;
        toggles += bit != last;
        last = bit;
    }
    CHECK(toggles == 66);
}

TEST_CASE("read-back latches status and count, status first") {
    Fixture f;
    f.at(7);
    f.program(2, 3, 0x1234);
    f.pit.write(3, 1, 0xC8);
    f.at(5000);
    CHECK((f.pit.read(2, 1) & 0x3F) == 0x36);
    CHECK(f.pit.read(2, 1) == 0x34);  // held: the gate is low
    CHECK(f.pit.read(2, 1) == 0x12);
    f.pit.write(3, 1, 0x80 | 0x30);  // control word alone: null count
    f.pit.write(3, 1, 0xE8);
    CHECK((f.pit.read(2, 1) & 0x40) == 0x40);
}

TEST_CASE("BCD counts in tens") {
    Fixture f;
    f.at(0);
    f.pit.write(3, 1, 0x31);
    f.pit.write(0, 1, 0x00);
    f.pit.write(0, 1, 0x10);
    f.at(2);
    CHECK(f.count(0) == 0x0999);
}

TEST_CASE("a late host delivers a bounded backlog, each tick after the one before was taken") {
    Fixture f;
    f.at(0);
    f.program(0, 2, 1000);
    const unsigned before = f.lines.rises[0];
    f.at(4001);  // four periods at once
    f.pit.advance();
    CHECK(f.lines.rises[0] == before + 1);
    for (int i = 0; i < 10; ++i) f.pit.acknowledged();
    CHECK(f.lines.rises[0] == before + 4);
    f.at(4'000'001);
    f.pit.advance();
    for (int i = 0; i < 100; ++i) f.pit.acknowledged();
    CHECK(f.lines.rises[0] == before + 4 + 1 + kMaxOwed);
    CHECK(f.pit.deadline() == time_of_cycle(4'001'001, kPitHz));
}

TEST_CASE("random programming of counter 0 never loses the wake-up of a periodic mode") {
    const unsigned seed = Catch::rngSeed() ? Catch::rngSeed() : 8254;
    INFO("seed " << seed);
    std::mt19937 random(seed);
    Fixture f;
    for (int step = 0; step < 5000; ++step) {
        f.clock.time += random() % 3'000'000;
        f.pit.advance();
        const unsigned mode = random() % 2 + 2;
        if (random() % 2) {
            f.program(0, mode, 100 + random() % 60000);
        } else {
            f.pit.write(0, 1, random() & 0xFF);
            f.pit.write(0, 1, 1 + random() % 200);
        }
        REQUIRE(f.pit.deadline() > f.clock.time);
        REQUIRE(f.pit.deadline() - f.clock.time < 56'000'000);
        const unsigned rises = f.lines.rises[0];
        f.clock.time = f.pit.deadline();
        f.pit.advance();
        REQUIRE(f.lines.rises[0] == rises + 1);
    }
}
