#include "monitor/devices/vga_text.hpp"

#include <catch2/catch.hpp>

#include "fakes.hpp"

using namespace ringpress;

namespace {

struct Fixture {
    fakes::Clock clock;
    VgaTextState state;
    VgaText vga{state, clock};
    Fixture() { vga.power_on(); }
    unsigned in(unsigned port) { return vga.read(port - 0x3B0, 1); }
    void out(unsigned port, unsigned value) { vga.write(port - 0x3B0, 1, value); }
};

}  // namespace

TEST_CASE("the cursor and the screen's start are read back from the CRTC") {
    Fixture f;
    for (const unsigned reg : {0x0Cu, 0x0Du, 0x0Eu, 0x0Fu}) {
        f.out(0x3D4, reg);
        CHECK(f.in(0x3D4) == reg);
        f.out(0x3D5, 0x40 + reg);
        CHECK(f.in(0x3D5) == 0x40 + reg);
    }
    CHECK(f.state.crtc[crtc::kCursorHigh] == 0x4E);
    CHECK(f.in(0x3B5) == 0xFF);  // a colour adapter
    f.out(0x3C2, 0x66);
    CHECK(f.in(0x3B5) == 0x4F);
    CHECK(f.in(0x3D5) == 0xFF);
}

TEST_CASE("the timing registers are write protected") {
    Fixture f;
    f.out(0x3D4, 0);
    f.out(0x3D5, 0x12);
    CHECK(f.in(0x3D5) == 0x5F);
    f.out(0x3D4, 0x11);
    f.out(0x3D5, 0x0E);
    f.out(0x3D4, 0);
    f.out(0x3D5, 0x12);
    CHECK(f.in(0x3D5) == 0x12);
}

TEST_CASE("vertical retrace comes 70 times a second") {
    Fixture f;
    unsigned retraces = 0;
    bool last = false;
    for (f.clock.time = 0; f.clock.time < 1'000'000'000; f.clock.time += 10'000) {
        const bool now = f.in(0x3DA) & 8;
        retraces += now && !last;
        last = now;
    }
    CHECK(retraces == 70);
}

TEST_CASE("attribute registers take index and value in turn, reset by a status read") {
    Fixture f;
    (void)f.in(0x3DA);
    f.out(0x3C0, 0x10);
    f.out(0x3C0, 0x04);
    (void)f.in(0x3DA);
    f.out(0x3C0, 0x30);
    CHECK(f.in(0x3C1) == 0x04);
}

TEST_CASE("the palette is written and read by component") {
    Fixture f;
    f.out(0x3C8, 5);
    for (const unsigned v : {1u, 2u, 3u, 4u}) f.out(0x3C9, v);
    f.out(0x3C7, 5);
    for (const unsigned v : {1u, 2u, 3u, 4u}) CHECK(f.in(0x3C9) == v);
}
