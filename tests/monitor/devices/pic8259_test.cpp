#include "monitor/devices/pic8259.hpp"

#include <catch2/catch.hpp>
#include <random>

using namespace ringpress;

namespace {

struct Fixture {
    Pic8259State state;
    Pic8259 pic{state};
    explicit Fixture(unsigned icw4 = 1) {
        pic.power_on();
        for (unsigned chip = 0; chip < 2; ++chip) {
            pic.write(chip, 0, 0x11);
            pic.write(chip, 1, chip ? 0x28 : 0x20);
            pic.write(chip, 1, chip ? 2 : 4);
            pic.write(chip, 1, static_cast<std::uint8_t>(icw4));
        }
    }
    void pulse(unsigned irq) {
        pic.set_line(irq, false);
        pic.set_line(irq, true);
    }
};

}  // namespace

TEST_CASE("the 8259 delivers the lowest input first and nests by priority") {
    Fixture f;
    f.pulse(4);
    f.pulse(1);
    REQUIRE(f.pic.intr());
    CHECK(f.pic.acknowledge() == 0x21);
    CHECK_FALSE(f.pic.intr());  // 4 waits behind 1
    f.pulse(0);
    CHECK(f.pic.intr());
    CHECK(f.pic.acknowledge() == 0x20);
    f.pic.write(0, 0, 0x20);
    CHECK_FALSE(f.pic.intr());
    f.pic.write(0, 0, 0x20);
    CHECK(f.pic.acknowledge() == 0x24);
}

TEST_CASE("a slave interrupt comes through the cascade and puts both chips in service") {
    Fixture f;
    f.pulse(14);
    CHECK(f.pic.acknowledge() == 0x2E);
    f.pic.write(0, 0, 0x0B);
    f.pic.write(1, 0, 0x0B);
    CHECK(f.pic.read(0, 0) == 0x04);
    CHECK(f.pic.read(1, 0) == 0x40);
    f.pulse(8);  // higher within the slave, but the master's IR2 is in service
    CHECK_FALSE(f.pic.intr());
    f.pic.write(1, 0, 0x20);
    f.pic.write(0, 0, 0x20);
    CHECK(f.pic.acknowledge() == 0x28);
}

TEST_CASE("in special fully nested mode a higher slave input interrupts a lower one") {
    Fixture f(0x11);
    f.pulse(14);
    CHECK(f.pic.acknowledge() == 0x2E);
    f.pulse(8);
    REQUIRE(f.pic.intr());
    CHECK(f.pic.acknowledge() == 0x28);
}

TEST_CASE("a masked request waits in IRR until it is unmasked") {
    Fixture f;
    f.pic.write(0, 1, 0xFF);
    f.pulse(3);
    CHECK_FALSE(f.pic.intr());
    CHECK(f.pic.read(0, 1) == 0xFF);
    CHECK(f.pic.read(0, 0) == 0x08);
    f.pic.write(0, 1, 0xF7);
    CHECK(f.pic.acknowledge() == 0x23);
}

TEST_CASE("an edge-triggered line that stays high requests once") {
    Fixture f;
    f.pulse(1);
    CHECK(f.pic.acknowledge() == 0x21);
    f.pic.write(0, 0, 0x20);
    f.pic.set_line(1, true);
    CHECK_FALSE(f.pic.intr());
}

TEST_CASE("a level-triggered line requests for as long as it is high") {
    Fixture f;
    f.pic.write_elcr(1, 0xFF);
    CHECK(f.pic.read_elcr(1) == 0xDE);  // IRQ 8 and 13 are edge triggered for good
    f.pic.set_line(11, true);
    CHECK(f.pic.acknowledge() == 0x2B);
    f.pic.write(1, 0, 0x20);
    f.pic.write(0, 0, 0x20);
    CHECK(f.pic.intr());
    f.pic.set_line(11, false);
    CHECK_FALSE(f.pic.intr());
}

TEST_CASE("an acknowledge cycle without a request gives the spurious vector and no service bit") {
    Fixture f;
    CHECK(f.pic.acknowledge() == 0x27);
    f.pic.write(0, 0, 0x0B);
    CHECK(f.pic.read(0, 0) == 0);
}

TEST_CASE("automatic EOI leaves nothing in service") {
    Fixture f(3);
    f.pulse(5);
    CHECK(f.pic.acknowledge() == 0x25);
    f.pulse(6);
    CHECK(f.pic.acknowledge() == 0x26);
}

TEST_CASE("a rotating EOI makes the served input the lowest") {
    Fixture f;
    f.pulse(0);
    CHECK(f.pic.acknowledge() == 0x20);
    f.pic.write(0, 0, 0xA0);
    f.pulse(0);
    f.pulse(5);
    CHECK(f.pic.acknowledge() == 0x25);
}

TEST_CASE("special mask mode lets lower inputs through while the served one is masked") {
    Fixture f;
    f.pulse(1);
    CHECK(f.pic.acknowledge() == 0x21);
    f.pic.write(0, 1, 0x02);
    f.pic.write(0, 0, 0x68);
    f.pulse(6);
    REQUIRE(f.pic.intr());
    CHECK(f.pic.acknowledge() == 0x26);
    f.pic.write(0, 0, 0x20);  // clears 6, not the masked 1
    f.pic.write(0, 0, 0x0B);
    CHECK(f.pic.read(0, 0) == 0x02);
}

TEST_CASE("the poll command acknowledges by a read") {
    Fixture f;
    f.pulse(4);
    f.pic.write(0, 0, 0x0C);
    CHECK(f.pic.read(0, 0) == 0x84);
    CHECK_FALSE(f.pic.intr());
    f.pic.write(0, 0, 0x0C);
    CHECK(f.pic.read(0, 0) == 0);
}

TEST_CASE("in random traffic no request is lost and priorities are never inverted") {
    const unsigned seed = Catch::rngSeed() ? Catch::rngSeed() : 8259;
    INFO("seed " << seed);
    std::mt19937 random(seed);
    Fixture f;
    unsigned requested = 0, in_service = 0;  // of the master's own inputs
    for (int step = 0; step < 20000; ++step) {
        const unsigned irq = random() % 8;
        switch (random() % 3) {
            case 0:
                if (irq == 2) break;
                f.pulse(irq);
                requested |= 1u << irq;
                break;
            case 1: {
                const unsigned best = requested ? __builtin_ctz(requested) : 8;
                const unsigned serving = in_service ? __builtin_ctz(in_service) : 8;
                REQUIRE(f.pic.intr() == (best < serving));
                if (best >= serving) break;
                REQUIRE(f.pic.acknowledge() == 0x20 + best);
                requested &= ~(1u << best);
                in_service |= 1u << best;
                break;
            }
            default:
                f.pic.write(0, 0, 0x20);
                in_service &= in_service - 1;
                break;
        }
    }
}
