#include <catch2/catch.hpp>

#include "fakes.hpp"
#include "monitor/devices/io_apic.hpp"
#include "monitor/devices/local_apic.hpp"

using namespace ringpress;

namespace {

struct Fixture : EoiListener {
    fakes::Clock clock;
    LocalApicState local_state;
    IoApicState io_state;
    LocalApic local{local_state, clock, *this};
    IoApic io{io_state, local};
    Fixture() {
        local.power_on();
        io.power_on();
    }
    void end_of_interrupt(std::uint8_t vector) override { io.end_of_interrupt(vector); }
    std::uint32_t in(unsigned offset) { return local.read(offset, 4); }
    void out(unsigned offset, std::uint32_t value) { local.write(offset, 4, value); }
    void entry(unsigned pin, std::uint32_t low, std::uint32_t high = 0) {
        io.write(0, 4, 0x11 + 2 * pin);
        io.write(0x10, 4, high);
        io.write(0, 4, 0x10 + 2 * pin);
        io.write(0x10, 4, low);
    }
    std::uint32_t entry_low(unsigned pin) {
        io.write(0, 4, 0x10 + 2 * pin);
        return io.read(0x10, 4);
    }
    void to(Nanoseconds t) {
        clock.time = t;
        local.advance();
    }
};

}  // namespace

TEST_CASE("the local APIC starts in virtual wire mode") {
    Fixture f;
    CHECK(f.local.passes_pic());
    CHECK(f.in(0x20) == 0);
    CHECK(f.in(0x30) == 0x00050014);
    CHECK(f.in(0xF0) == 0x1FF);
    f.out(0x350, 0x10700);
    CHECK_FALSE(f.local.passes_pic());
    f.out(0x350, 0x700);
    CHECK(f.local.passes_pic());
    f.out(0xF0, 0xFF);  // disabling masks every entry
    CHECK((f.in(0x350) & 0x10000) != 0);
}

TEST_CASE("an edge at LINT1 is what its entry says: an NMI, an interrupt, or nothing") {
    Fixture f;
    CHECK(f.local.lint1());
    f.out(0x360, 0x10400);  // masked
    CHECK_FALSE(f.local.lint1());
    f.out(0x360, 0x45);  // fixed
    CHECK_FALSE(f.local.lint1());
    CHECK(f.local.acknowledge() == 0x45);
    f.out(0x360, 0x400);
    CHECK(f.local.lint1());
    CHECK(f.local.acknowledge() == -1);
    f.out(0xF0, 0xFF);  // a disabled APIC has all entries masked
    CHECK_FALSE(f.local.lint1());
}

TEST_CASE("requests nest by priority class") {
    Fixture f;
    f.local.accept(0x31, false);
    f.local.accept(0x35, false);
    CHECK(f.local.acknowledge() == 0x35);
    CHECK(f.in(0xA0) == 0x30);
    CHECK_FALSE(f.local.pending());  // 0x31 is of the same class
    f.local.accept(0x40, false);
    CHECK(f.local.acknowledge() == 0x40);
    f.out(0xB0, 0);
    CHECK_FALSE(f.local.pending());
    f.out(0xB0, 0);
    CHECK(f.local.acknowledge() == 0x31);
    CHECK(f.local.acknowledge() == -1);
}

TEST_CASE("the task priority holds requests back") {
    Fixture f;
    f.out(0x80, 0x50);
    f.local.accept(0x5F, false);
    CHECK_FALSE(f.local.pending());
    CHECK((f.in(0x220) & 0x80000000u) != 0);  // in IRR
    f.out(0x80, 0x40);
    CHECK(f.local.pending());
    f.out(0x80, 0);
    CHECK(f.local.acknowledge() == 0x5F);
    CHECK((f.in(0x120) & 0x80000000u) != 0);  // in ISR
}

TEST_CASE("interprocessor messages reach this processor or nobody") {
    Fixture f;
    f.out(0x300, 0x40000 | 0x61);  // self
    CHECK(f.local.acknowledge() == 0x61);
    f.out(0xB0, 0);
    f.out(0x300, 0x80000 | 0x62);  // all
    CHECK(f.local.acknowledge() == 0x62);
    f.out(0xB0, 0);
    f.out(0x300, 0xC0000 | 0x63);  // all others
    CHECK_FALSE(f.local.pending());
    f.out(0x300, 0x80000 | 0x500 | 0x8000);  // INIT, as xv6 sends it
    CHECK((f.in(0x300) & 0x1000) == 0);
    f.out(0x310, 0x01000000);
    f.out(0x300, 0x64);  // physical destination 1
    CHECK_FALSE(f.local.pending());
    f.out(0xD0, 0x04000000);
    f.out(0x310, 0x04000000);
    f.out(0x300, 0x865);  // logical, flat
    CHECK(f.local.acknowledge() == 0x65);
}

TEST_CASE("the timer counts down by its divisor, once or again and again") {
    Fixture f;
    f.out(0x3E0, 0x3);  // by 16
    f.out(0x320, 0x40);
    f.out(0x380, 1000);
    CHECK(f.local.deadline() == 16'000);
    f.to(8'000);
    CHECK(f.in(0x390) == 500);
    CHECK_FALSE(f.local.pending());
    f.to(16'000);
    CHECK(f.local.acknowledge() == 0x40);
    f.out(0xB0, 0);
    CHECK(f.in(0x390) == 0);
    CHECK(f.local.deadline() == kNever);

    f.out(0x3E0, 0xB);  // by 1
    f.out(0x320, 0x20041);
    f.out(0x380, 10'000'000);
    for (unsigned tick = 1; tick <= 20; ++tick) {
        REQUIRE(f.local.deadline() == 16'000 + tick * 10'000'000ull);
        f.to(f.local.deadline());
        REQUIRE(f.local.acknowledge() == 0x41);
        f.out(0xB0, 0);
        REQUIRE_FALSE(f.local.pending());
    }
    f.out(0x320, 0x30041);
    CHECK(f.local.deadline() == kNever);
    f.to(f.clock.time + 2'500'000);
    CHECK(f.in(0x390) == 7'500'000);  // counts on behind the mask
    f.out(0x320, 0x20041);
    CHECK(f.local.deadline() == f.clock.time + 7'500'000);
}

TEST_CASE("a late periodic timer owes a bounded number of ticks") {
    Fixture f;
    f.out(0x3E0, 0xB);
    f.out(0x320, 0x20041);
    f.out(0x380, 1'000'000);
    const auto taken = [&f] {
        unsigned n = 0;
        while (f.local.acknowledge() == 0x41) {
            f.out(0xB0, 0);
            ++n;
        }
        return n;
    };
    f.to(3'000'000);
    CHECK(taken() == 3);
    f.to(1'000'000'000);
    CHECK(taken() == 1 + kMaxOwed);
    CHECK(f.local.deadline() == 1'001'000'000);
}

TEST_CASE("an edge at the I/O APIC is delivered once; one behind the mask is lost") {
    Fixture f;
    CHECK(f.entry_low(1) == 0x10000);
    f.io.set_line(1, true);
    f.entry(1, 0x21);
    CHECK_FALSE(f.local.pending());
    f.io.set_line(1, false);
    f.io.set_line(1, true);
    CHECK(f.local.acknowledge() == 0x21);
    f.out(0xB0, 0);
    f.io.set_line(1, true);
    CHECK_FALSE(f.local.pending());
}

TEST_CASE("a level at the I/O APIC comes again after EOI until the device lets go") {
    Fixture f;
    f.io.set_line(10, true);
    f.entry(10, 0x8030);
    CHECK(f.local.acknowledge() == 0x30);
    CHECK((f.entry_low(10) & 0x4000) == 0x4000);
    CHECK_FALSE(f.local.pending());
    f.out(0xB0, 0);
    CHECK(f.local.acknowledge() == 0x30);
    f.io.set_line(10, false);
    f.out(0xB0, 0);
    CHECK_FALSE(f.local.pending());
    CHECK((f.entry_low(10) & 0x4000) == 0);
}

TEST_CASE("the I/O APIC sends only to destinations that exist") {
    Fixture f;
    f.entry(4, 0x24, 0x01000000);
    f.io.set_line(4, true);
    CHECK_FALSE(f.local.pending());
    f.io.set_line(4, false);
    f.entry(4, 0x924, 0x01000000);  // lowest priority, logical
    f.out(0xD0, 0x01000000);
    f.io.set_line(4, true);
    CHECK(f.local.acknowledge() == 0x24);
    f.io.write(0, 4, 1);
    CHECK(f.io.read(0x10, 4) == 0x00170011);
}
