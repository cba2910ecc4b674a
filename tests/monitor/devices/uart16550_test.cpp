#include "monitor/devices/uart16550.hpp"

#include <catch2/catch.hpp>

#include "fakes.hpp"

using namespace ringpress;

namespace {

struct Fixture {
    fakes::Lines lines;
    fakes::Clock clock;
    fakes::Channel channel;
    Uart16550State state;
    Uart16550 uart{state, 4, lines, clock, channel};
    Fixture() {
        uart.power_on();
        clock.time = 1'000'000;
    }
    unsigned in(unsigned offset) { return uart.read(offset, 1); }
    void out(unsigned offset, unsigned value) { uart.write(offset, 1, value); }
    void pass(Nanoseconds t) {
        clock.time += t;
        uart.advance();
    }
};

}  // namespace

TEST_CASE("the steps by which Linux recognises a 16550A give its answers") {
    Fixture f;
    // autoconfig(): IER keeps four bits, the modem registers loop back.
    f.out(1, 0);
    CHECK(f.in(1) == 0);
    f.out(1, 0x0F);
    CHECK((f.in(1) & 0x0F) == 0x0F);
    f.out(1, 0);
    f.out(4, 0x1A);
    CHECK((f.in(6) & 0xF0) == 0x90);
    f.out(4, 0);
    // FIFOs: both bits of IIR.
    f.out(2, 0x01);
    CHECK(f.in(2) >> 6 == 3);
    // autoconfig_16550a(): no enhanced feature register, no 64-byte FIFO, no UART unit enable.
    f.out(3, 0x80);
    CHECK(f.in(2) != 0);
    f.out(3, 0xBF);
    CHECK(f.in(2) != 0);
    f.out(3, 0x80);
    f.out(2, 0x21);
    CHECK(f.in(2) >> 5 == 6);
    f.out(3, 0);
    f.out(1, 0x40);
    CHECK(f.in(1) == 0);
    f.out(7, 0xA5);
    CHECK(f.in(7) == 0xA5);
}

TEST_CASE("the divisor hides behind DLAB") {
    Fixture f;
    f.out(3, 0x83);
    f.out(0, 0x01);
    f.out(1, 0x02);
    CHECK(f.in(0) == 0x01);
    CHECK(f.in(1) == 0x02);
    f.out(3, 0x03);
    CHECK(f.in(1) == 0);
    CHECK(f.channel.sent.empty());
}

TEST_CASE(
    "enabling the transmitter interrupt raises it; reading IIR takes it away; the next byte brings it back") {
    Fixture f;
    f.out(1, 2);
    CHECK(f.lines.level[4]);
    CHECK(f.in(2) == 2);
    CHECK_FALSE(f.lines.level[4]);
    CHECK(f.in(2) == 1);
    f.out(0, 'x');
    CHECK(f.lines.rises[4] == 2);
    f.out(0, 'y');  // without a read of IIR in between there is an edge all the same
    CHECK(f.lines.rises[4] == 3);
    CHECK(f.channel.sent == "xy");
}

TEST_CASE("a full channel holds THRE back, and room brings the bytes out in order") {
    Fixture f;
    f.channel.room = 2;
    f.out(2, 1);
    f.out(1, 2);
    (void)f.in(2);
    for (const char c : std::string("abcdefgh")) f.out(0, static_cast<unsigned char>(c));
    CHECK(f.channel.sent == "ab");
    CHECK((f.in(5) & 0x60) == 0);
    CHECK_FALSE(f.lines.level[4]);
    CHECK(f.uart.deadline() != kNever);
    f.channel.room = 100;
    f.clock.time = f.uart.deadline();
    f.uart.advance();
    CHECK(f.channel.sent == "abcdefgh");
    CHECK((f.in(5) & 0x60) == 0x60);
    CHECK(f.lines.level[4]);
    CHECK(f.uart.deadline() == kNever);
}

TEST_CASE("without FIFO every byte received has an edge of its own") {
    Fixture f;
    f.out(1, 1);
    f.channel.type("hello");
    std::string got;
    for (unsigned i = 1; i <= 5; ++i) {
        REQUIRE(f.uart.deadline() != kNever);
        f.clock.time = std::max(f.clock.time, f.uart.deadline());
        f.uart.advance();
        REQUIRE(f.lines.rises[4] == i);
        CHECK(f.in(2) == 4);
        CHECK((f.in(5) & 1) == 1);
        got.push_back(static_cast<char>(f.in(0)));
        CHECK_FALSE(f.lines.level[4]);
    }
    CHECK(got == "hello");
    CHECK(f.uart.deadline() == kNever);
}

TEST_CASE("a FIFO below its trigger times out, one at its trigger interrupts at once") {
    Fixture f;
    f.out(2, 0xC1);
    f.out(1, 1);
    f.channel.type("0123456789abc");
    f.pass(0);
    CHECK_FALSE(f.lines.level[4]);
    CHECK(f.uart.deadline() - f.clock.time <= 400'000);
    f.clock.time = f.uart.deadline();
    f.uart.advance();
    CHECK(f.lines.level[4]);
    CHECK((f.in(2) & 15) == 12);
    (void)f.in(0);
    CHECK_FALSE(f.lines.level[4]);
    f.channel.type("XYZ");
    f.pass(10'000'000);
    CHECK((f.in(2) & 15) == 4);
    std::string got;
    while (f.in(5) & 1) got.push_back(static_cast<char>(f.in(0)));
    CHECK(got == "123456789abcXYZ");
}

TEST_CASE("more input than the FIFO holds waits in the channel and none is lost") {
    Fixture f;
    std::string text(300, 0);
    for (unsigned i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7);
    f.out(2, 0x81);
    f.out(1, 1);
    f.channel.type(text);
    std::string got;
    for (unsigned guard = 0; guard < 1000 && got.size() < text.size(); ++guard) {
        REQUIRE(f.uart.deadline() != kNever);
        f.clock.time = std::max(f.clock.time, f.uart.deadline());
        f.uart.advance();
        while (f.lines.level[4])
            while (f.in(5) & 1) got.push_back(static_cast<char>(f.in(0)));
    }
    CHECK(got == text);
    CHECK((f.in(5) & 2) == 0);
}

TEST_CASE("in loopback what is sent is received, and nothing leaves") {
    Fixture f;
    f.out(4, 0x1F);
    f.out(2, 1);
    f.channel.type("outside");
    f.out(0, 'q');
    f.pass(1'000'000);
    CHECK(f.in(0) == 'q');
    CHECK((f.in(5) & 1) == 0);
    CHECK(f.channel.sent.empty());
    CHECK((f.in(6) & 0xF0) == 0xF0);
}

TEST_CASE("receive interrupts arrive with OUT2 off, as under QEMU") {
    Fixture f;
    f.out(4, 0);
    f.out(1, 1);
    f.channel.type("k");
    f.pass(1000);
    CHECK(f.lines.level[4]);
}
