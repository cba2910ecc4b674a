#include "monitor/devices/pc.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <random>

#include "fakes.hpp"

using namespace ringpress;
using fakes::TestBoard;

namespace {
constexpr Nanoseconds kMillisecond = 1'000'000;

void program_timer(TestBoard& b, unsigned divisor) {
    b.out(0x43, 0x34);
    b.out(0x40, divisor & 0xFF);
    b.out(0x40, divisor >> 8);
}
}  // namespace

TEST_CASE("ports without a device read as ones at every width") {
    TestBoard b;
    CHECK(b.in(0x2F8) == 0xFF);
    CHECK(b.in(0x1234, 2) == 0xFFFF);
    CHECK(b.in(0x1234, 4) == 0xFFFFFFFF);
    b.out(0x1234, 5, 4);
}

TEST_CASE("wide accesses to byte devices are split, low byte first") {
    TestBoard b;
    b.out(0x3D4, 0x410E, 2);  // index and data in one write, as drivers do
    b.out(0x3D4, 0x0E);
    CHECK(b.in(0x3D5) == 0x41);
    CHECK(b.in(0x3D4, 2) == 0x410E);
    CHECK((b.in(0x3FC, 4) & 0x00FF0000u) == 0x00B00000u);  // MCR, LSR, MSR, scratch
}

TEST_CASE("a PCI probe finds nothing and does not reset the machine") {
    TestBoard b;
    b.out(0xCFB, 1);
    b.out(0xCF8, 0x80000000u, 4);
    CHECK(b.in(0xCF8, 4) == 0xFFFFFFFF);
    b.out(0xCF8, 0x80000604u, 4);  // byte 1 looks like a reset command
    CHECK(b.in(0xCFC, 4) == 0xFFFFFFFF);
    CHECK(b.in(0xCFC, 2) == 0xFFFF);
    CHECK(b.power.resets == 0);
    b.out(0xCF9, 0x06);
    CHECK(b.power.resets == 1);
}

TEST_CASE("the machine ends by debug exit, power-off ports and port 0x92") {
    TestBoard b;
    b.out(0x604, 0x2000, 2);
    CHECK(b.power.offs == 1);
    b.out(0xB004, 0x2000, 2);
    CHECK(b.power.offs == 2);
    b.out(0x501, 0x10, 1);
    CHECK(b.power.exit_code == 0x21);
    b.out(0x501, 0x1234, 2);
    CHECK(b.power.exit_code == 0x2469);
    CHECK(b.in(0x92) == 2);
    b.out(0x92, 3);
    CHECK(b.power.resets == 1);
    CHECK(b.in(0xE9) == 0xE9);
    b.out(0xE9, 'x');
    CHECK(b.debugcon.sent == "x");
}

TEST_CASE("a debug exit on another device's port is the user's error") {
    DeviceState state;
    fakes::Channel channel;
    fakes::Power power;
    PcConfig config;
    config.debug_exit = true;
    config.debug_exit_port = 0x3F7;
    config.debug_exit_size = 2;
    CHECK_THROWS_AS(Pc(state, config, PcHost{channel, channel, channel, power}), std::runtime_error);
}

TEST_CASE("timer ticks wake a sleeping guest every period, through either controller") {
    for (const bool apic : {false, true}) {
        TestBoard b(apic ? Board::pc : Board::isapc);
        b.set_up_pic();
        program_timer(b, 11932);
        if (apic) {
            b.pc->mmio_write(gpa(0xFEE00350), 4, 0x10000);
            b.pc->mmio_write(gpa(0xFEC00000), 4, 0x14);
            b.pc->mmio_write(gpa(0xFEC00010), 4, 0x20);
        } else {
            b.out(0x21, 0xFE);
        }
        for (unsigned tick = 1; tick <= 100; ++tick) {
            REQUIRE(b.sleep(tick * 11 * kMillisecond));
            REQUIRE(b.pc->acknowledge_interrupt() == 0x20);
            if (apic)
                b.pc->mmio_write(gpa(0xFEE000B0), 4, 0);
            else
                b.out(0x20, 0x20);
        }
        CHECK(b.state->now > 999 * kMillisecond);
        CHECK(b.state->now < 1001 * kMillisecond);
    }
}

TEST_CASE("virtual wire: the 8259 reaches the processor until LINT0 is masked") {
    TestBoard b;
    b.set_up_pic();
    b.out(0x21, 0xFD);
    b.keyboard.type("\x1e");
    REQUIRE(b.sleep(kMillisecond));
    b.pc->mmio_write(gpa(0xFEE00350), 4, 0x10000);
    CHECK_FALSE(b.pc->interrupt_pending());
    CHECK(b.pc->acknowledge_interrupt() == -1);
    // Input 0 of the I/O APIC as ExtINT is the other way in.
    b.pc->mmio_write(gpa(0xFEC00000), 4, 0x10);
    b.pc->mmio_write(gpa(0xFEC00010), 4, 0x700);
    CHECK(b.pc->interrupt_pending());
    CHECK(b.pc->acknowledge_interrupt() == 0x21);
}

TEST_CASE("-M isapc has no APIC pages") {
    TestBoard pc, isapc(Board::isapc);
    CHECK(pc.pc->claims(gpa(0xFEE00000)));
    CHECK(pc.pc->claims(gpa(0xFEC00000)));
    CHECK_FALSE(pc.pc->claims(gpa(0xFED00000)));
    CHECK_FALSE(isapc.pc->claims(gpa(0xFEE00000)));
}

TEST_CASE("ticks that pass while the guest keeps interrupts off merge, those a late host missed do not") {
    TestBoard b(Board::isapc);
    b.set_up_pic();
    program_timer(b, 1193);  // 1 ms
    b.out(0x21, 0xFE);
    const auto taken = [&b] {
        unsigned n = 0;
        while (b.pc->interrupt_pending()) {
            (void)b.pc->acknowledge_interrupt();
            b.out(0x20, 0x20);
            ++n;
        }
        return n;
    };
    for (unsigned i = 0; i < 20; ++i) b.pc->advance(b.pc->next_deadline());
    CHECK(taken() == 1);
    b.pc->advance(b.state->now + 4 * kMillisecond);
    CHECK(taken() == 4);
    b.pc->advance(b.state->now + 4000 * kMillisecond);
    CHECK(taken() == 1 + kMaxOwed);
}

TEST_CASE("calibration by counter 2 sees the time that passes") {
    TestBoard b;
    b.out(0x61, (b.in(0x61) & ~2u) | 1u);
    b.out(0x43, 0xB0);
    b.out(0x42, 0x9B);  // 10 ms
    b.out(0x42, 0x2E);
    Nanoseconds t = b.state->now;
    const Nanoseconds start = t;
    while (!(b.in(0x61) & 0x20)) b.pc->advance(t += 1500);
    CHECK(t - start > 9'990'000);
    CHECK(t - start < 10'020'000);
}

TEST_CASE("every device's deadline is kept when all are in use") {
    TestBoard b;
    b.set_up_pic();
    program_timer(b, 11932);
    b.out(0x70, 0x0B);
    b.out(0x71, 0x42);  // RTC: 1024 Hz
    b.pc->mmio_write(gpa(0xFEE003E0), 4, 0xB);
    b.pc->mmio_write(gpa(0xFEE00320), 4, 0x20050);
    b.pc->mmio_write(gpa(0xFEE00380), 4, 3'000'000);
    b.out(0x21, 0xFA);
    b.out(0xA1, 0xFE);
    unsigned pit = 0, rtc = 0, lapic = 0;
    while (b.sleep(1000 * kMillisecond)) {
        const int vector = b.pc->acknowledge_interrupt();
        if (vector == 0x50) {
            ++lapic;
            b.pc->mmio_write(gpa(0xFEE000B0), 4, 0);
            continue;
        }
        if (vector == 0x28) {
            ++rtc;
            b.out(0x70, 0x0C);
            (void)b.in(0x71);
            b.out(0xA0, 0x20);
        } else {
            REQUIRE(vector == 0x20);
            ++pit;
        }
        b.out(0x20, 0x20);
    }
    CHECK(pit == 99);
    CHECK(rtc == 1024);
    CHECK(lapic == 333);
}

TEST_CASE("a copy of the state goes on in a second machine as the first would") {
    const unsigned seed = Catch::rngSeed() ? Catch::rngSeed() : 42;
    INFO("seed " << seed);
    std::mt19937 random(seed);
    TestBoard a(Board::pc, 64);
    for (std::size_t i = 0; i < a.disk.size(); ++i) a.disk[i] = static_cast<std::uint8_t>(random());
    a.set_up_pic();
    program_timer(a, 5000);
    a.out(0x21, 0x00);
    a.out(0xA1, 0x00);
    a.out(0x3F9, 3);
    a.out(0x3FA, 0x41);
    a.serial.type("half of it");
    a.keyboard.type("\x1e");
    a.out(0x70, 0x0B);
    a.out(0x71, 0x72);
    a.pc->advance(7 * kMillisecond);
    a.out(0x1F6, 0xE0);
    a.out(0x1F2, 3);
    a.out(0x1F3, 5);
    a.out(0x1F4, 0);
    a.out(0x1F5, 0);
    a.out(0x1F7, 0x20);
    for (int i = 0; i < 300; ++i) (void)a.in(0x1F0, 2);  // in the middle of the second sector

    TestBoard b(Board::pc, 64);
    b.disk = a.disk;
    auto copy = std::make_unique<DeviceState>(*a.state);
    b.pc = b.build(*copy, Board::pc);
    b.serial.waiting = a.serial.waiting;
    b.keyboard.waiting = a.keyboard.waiting;
    static constexpr std::uint16_t kPorts[] = {0x20,  0x21,  0xA0,  0xA1,  0x40,  0x42,  0x60,
                                               0x61,  0x64,  0x71,  0x1F1, 0x1F2, 0x1F3, 0x1F7,
                                               0x3F6, 0x3F8, 0x3FA, 0x3FD, 0x3FE, 0x3DA};
    Nanoseconds t = a.state->now;
    for (int step = 0; step < 20000; ++step) {
        REQUIRE(a.pc->next_deadline() == b.pc->next_deadline());
        REQUIRE(a.pc->interrupt_pending() == b.pc->interrupt_pending());
        switch (random() % 5) {
            case 0:
                t += random() % 200'000;
                a.pc->advance(t);
                b.pc->advance(t);
                break;
            case 1:
                REQUIRE(a.pc->acknowledge_interrupt() == b.pc->acknowledge_interrupt());
                a.out(0x20, 0x20);
                b.out(0x20, 0x20);
                break;
            case 2: REQUIRE(a.in(0x1F0, 4) == b.in(0x1F0, 4)); break;
            case 3: {
                const std::uint8_t value = static_cast<std::uint8_t>(random());
                a.out(0x3F8, value);
                b.out(0x3F8, value);
                break;
            }
            default: {
                const std::uint16_t port = kPorts[random() % std::size(kPorts)];
                REQUIRE(a.in(port) == b.in(port));
                break;
            }
        }
    }
}
