#include "monitor/devices/i8042.hpp"

#include <catch2/catch.hpp>

#include "fakes.hpp"

using namespace ringpress;

namespace {

struct Fixture {
    fakes::Lines lines;
    fakes::Clock clock;
    fakes::Channel keys;
    fakes::Power power;
    I8042State state;
    I8042 kbc{state, lines, clock, keys, power};
    Fixture() { kbc.power_on(); }
    unsigned status() { return kbc.read(1, 1); }
    unsigned data() { return kbc.read(0, 1); }
    void command(unsigned v) { kbc.write(1, 1, v); }
    void send(unsigned v) { kbc.write(0, 1, v); }
    std::vector<unsigned> replies() {
        std::vector<unsigned> r;
        while (status() & 1) r.push_back(data());
        return r;
    }
    /// Lets every waiting key through, as an interrupt handler would read them.
    std::vector<unsigned> drain_keys() {
        std::vector<unsigned> r;
        while (kbc.deadline() != kNever) {
            clock.time = std::max(clock.time, kbc.deadline());
            kbc.advance();
            REQUIRE(lines.level[1]);
            r.push_back(data());
        }
        return r;
    }
};
using Bytes = std::vector<unsigned>;

}  // namespace

TEST_CASE("the controller passes its tests and tells that there is no auxiliary port") {
    Fixture f;
    f.command(0xAA);
    CHECK(f.replies() == Bytes{0x55});
    f.command(0xAB);
    CHECK(f.replies() == Bytes{0x00});
    f.command(0xD3);  // Linux: the loopback answer lacks the AUX mark
    f.send(0x5A);
    CHECK((f.status() & 0x21) == 0x01);
    CHECK(f.data() == 0x5A);
    f.command(0xA9);
    CHECK(f.replies() == Bytes{0x01});
    CHECK_FALSE(f.lines.level[1]);
}

TEST_CASE("the keyboard acknowledges commands and their arguments") {
    Fixture f;
    for (const unsigned c : {0xEDu, 0xF3u}) {
        f.send(c);
        CHECK(f.replies() == Bytes{0xFA});
        f.send(0x02);
        CHECK(f.replies() == Bytes{0xFA});
    }
    f.send(0xFF);
    CHECK(f.replies() == Bytes{0xFA, 0xAA});
    f.send(0xF2);
    CHECK(f.replies() == Bytes{0xFA, 0xAB, 0x41});
    f.send(0xEE);
    CHECK(f.replies() == Bytes{0xEE});
    f.send(0xF0);
    f.send(0x00);
    CHECK(f.replies() == Bytes{0xFA, 0xFA, 0x02});
}

TEST_CASE("every key byte has an edge of IRQ 1") {
    Fixture f;
    f.keys.type("\x1e\x9e\xe0\x48\xe0\xc8");
    CHECK(f.drain_keys() == Bytes{0x1E, 0x9E, 0xE0, 0x48, 0xE0, 0xC8});
    CHECK(f.lines.rises[1] == 6);
}

TEST_CASE("without translation keys arrive in set 2") {
    Fixture f;
    f.command(0x60);
    f.send(0x05);
    f.keys.type("\x1e\x9e\xe0\x48\xe0\xc8");
    CHECK(f.drain_keys() == Bytes{0x1C, 0xF0, 0x1C, 0xE0, 0x75, 0xE0, 0xF0, 0x75});
}

TEST_CASE("a disabled keyboard keeps its keys until it is enabled") {
    Fixture f;
    f.command(0xAD);
    f.keys.type("\x1e");
    CHECK(f.drain_keys().empty());
    CHECK((f.status() & 1) == 0);
    f.command(0xAE);
    CHECK(f.lines.level[1]);
    CHECK(f.replies() == Bytes{0x1E});
}

TEST_CASE("the command byte masks the interrupt, and polling still works") {
    Fixture f;
    f.command(0x60);
    f.send(0x64);
    f.keys.type("\x1e");
    f.clock.time = 1'000'000;
    CHECK((f.status() & 1) == 1);
    CHECK_FALSE(f.lines.level[1]);
    CHECK(f.data() == 0x1E);
    f.command(0x20);
    CHECK((f.data() & 0x41) == 0x40);
}

TEST_CASE("reset and A20 go through the output port") {
    Fixture f;
    f.command(0xD0);
    CHECK((f.data() & 3) == 3);
    f.command(0xD1);
    f.send(0x01);
    CHECK_FALSE(f.kbc.a20());
    f.command(0xDF);
    CHECK(f.kbc.a20());
    CHECK(f.power.resets == 0);
    f.command(0xFE);
    CHECK(f.power.resets == 1);
    f.command(0xFF);  // pulses nothing
    CHECK(f.power.resets == 1);
}
