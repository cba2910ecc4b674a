#include "monitor/devices/rtc_mc146818.hpp"

#include <catch2/catch.hpp>
#include <ctime>
#include <random>

#include "fakes.hpp"
#include "monitor/devices/calendar.hpp"

using namespace ringpress;

namespace {

constexpr Nanoseconds kSecond = 1'000'000'000;

struct Fixture {
    fakes::Lines lines;
    fakes::Clock clock;
    RtcState state;
    RtcMc146818 rtc{state, lines, clock};
    explicit Fixture(std::uint32_t ram = 128u << 20, std::uint64_t sectors = 0) {
        clock.epoch = 951827696;  // 2000-02-29 12:34:56, a Tuesday
        rtc.power_on({ram, {sectors, 0}});
    }
    unsigned in(unsigned index) {
        rtc.write(0, 1, index);
        return rtc.read(1, 1);
    }
    void out(unsigned index, unsigned value) {
        rtc.write(0, 1, index);
        rtc.write(1, 1, value);
    }
    void pass(Nanoseconds t) {
        clock.time += t;
        rtc.advance();
    }
};

}  // namespace

TEST_CASE("dates convert as the C library does") {
    const unsigned seed = Catch::rngSeed() ? Catch::rngSeed() : 146818;
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    for (int i = 0; i < 20000; ++i) {
        const std::int64_t t = static_cast<std::int64_t>(random() % 8'000'000'000u) - 1'000'000'000;
        const std::time_t host = t;
        std::tm tm{};
        gmtime_r(&host, &tm);
        const Date d = date_from_seconds(t);
        REQUIRE(d.year == tm.tm_year + 1900);
        REQUIRE(d.month == static_cast<unsigned>(tm.tm_mon + 1));
        REQUIRE(d.day == static_cast<unsigned>(tm.tm_mday));
        REQUIRE(d.hour == static_cast<unsigned>(tm.tm_hour));
        REQUIRE(d.weekday == static_cast<unsigned>(tm.tm_wday));
        REQUIRE(seconds_from_date(d) == t);
    }
}

TEST_CASE("the clock reads in BCD and binary, 24 and 12 hours") {
    Fixture f;
    CHECK(f.in(0) == 0x56);
    CHECK(f.in(2) == 0x34);
    CHECK(f.in(4) == 0x12);
    CHECK(f.in(6) == 3);
    CHECK(f.in(7) == 0x29);
    CHECK(f.in(8) == 0x02);
    CHECK(f.in(9) == 0x00);
    CHECK(f.in(0x32) == 0x20);
    f.pass(3600 * kSecond);
    f.out(11, 0x00);
    CHECK(f.in(4) == 0x81);  // one in the afternoon
    f.out(11, 0x06);
    CHECK(f.in(4) == 13);
    CHECK(f.in(0) == 56);
}

TEST_CASE("a date that the guest sets goes on from there") {
    Fixture f;
    f.out(11, 0x82);
    f.out(0, 0x59);
    f.out(2, 0x59);
    f.out(4, 0x23);
    f.out(7, 0x31);
    f.out(8, 0x12);
    f.out(9, 0x99);
    f.out(0x32, 0x19);
    f.pass(5 * kSecond);
    CHECK(f.in(0) == 0x59);  // stopped
    f.out(11, 0x02);
    f.pass(2 * kSecond);
    CHECK(f.in(0) == 0x01);
    CHECK(f.in(9) == 0x00);
    CHECK(f.in(0x32) == 0x20);
    CHECK(f.in(7) == 0x01);
}

TEST_CASE("UIP announces the update 244 microseconds ahead") {
    Fixture f;
    f.clock.time = kSecond / 2;
    CHECK((f.in(10) & 0x80) == 0);
    f.clock.time = kSecond - 100'000;
    CHECK((f.in(10) & 0x80) == 0x80);
    CHECK(f.in(0) == 0x56);
    f.clock.time = kSecond;
    CHECK((f.in(10) & 0x80) == 0);
    CHECK(f.in(0) == 0x57);
}

TEST_CASE("the periodic interrupt comes at its rate, once per read of register C") {
    Fixture f;
    f.out(11, 0x42);
    unsigned count = 0;
    while (f.rtc.deadline() <= kSecond) {
        f.clock.time = f.rtc.deadline();
        f.rtc.advance();
        REQUIRE(f.lines.level[8]);
        REQUIRE((f.in(12) & 0xC0) == 0xC0);
        REQUIRE_FALSE(f.lines.level[8]);
        ++count;
    }
    CHECK(count == 1024);
    f.out(11, 0x02);
    CHECK(f.rtc.deadline() == kNever);
}

TEST_CASE("a late host owes a few periodic interrupts, not all") {
    Fixture f;
    f.out(11, 0x42);
    f.pass(10 * kSecond);
    unsigned count = 0;
    while (f.lines.level[8] && count < 100) {
        (void)f.in(12);
        ++count;
    }
    CHECK(count == 1 + kMaxOwed);
}

TEST_CASE("the alarm interrupts at its time, and an update every second") {
    Fixture f;
    f.out(1, 0x10);
    f.out(3, 0x35);
    f.out(5, 0xFF);
    f.out(11, 0x22);
    unsigned seconds = 0;
    while (!f.lines.level[8] && seconds < 100) {
        f.clock.time = f.rtc.deadline();
        f.rtc.advance();
        ++seconds;
    }
    CHECK(seconds == 14);  // 12:35:10
    CHECK((f.in(12) & 0xB0) == 0xB0);
    f.out(11, 0x12);
    f.clock.time = f.rtc.deadline();
    f.rtc.advance();
    CHECK((f.in(12) & 0xB0) == 0x90);
}

TEST_CASE("flags can be polled without interrupts") {
    Fixture f;
    (void)f.in(12);
    f.clock.time += kSecond;
    CHECK((f.in(12) & 0x50) == 0x50);
    CHECK_FALSE(f.lines.level[8]);
}

TEST_CASE("the CMOS memory tells the size of RAM and of the disk") {
    Fixture f(1u << 30, 2'000'000);
    CHECK((f.in(0x15) | f.in(0x16) << 8) == 640);
    CHECK((f.in(0x30) | f.in(0x31) << 8) == 65535);
    CHECK((f.in(0x34) | f.in(0x35) << 8) * 65536u + (16u << 20) == 1u << 30);
    CHECK((f.in(0x5B) | f.in(0x5C) | f.in(0x5D)) == 0);
    CHECK(f.in(0x12) == 0xF0);
    CHECK(f.in(0x10) == 0);
    unsigned sum = 0;
    for (unsigned i = 0x10; i <= 0x2D; ++i) sum += f.in(i);
    CHECK((f.in(0x2E) << 8 | f.in(0x2F)) == sum);
    Fixture small(8u << 20);
    CHECK((small.in(0x17) | small.in(0x18) << 8) == 7 * 1024);
    CHECK((small.in(0x34) | small.in(0x35) << 8) == 0);
    small.out(0x0F, 0x0A);
    CHECK(small.in(0x0F) == 0x0A);
}
