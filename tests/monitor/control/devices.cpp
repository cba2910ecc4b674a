#include <cstdlib>

#include "../host_files.hpp"
#include "fake_machine.hpp"
#include "monitor/control/human_monitor.hpp"
#include "monitor/control/key_names.hpp"
#include "monitor/control/screenshot.hpp"
#include "monitor/text_display.hpp"

using namespace ringpress;
using namespace ringpress::test;
using Catch::Matchers::Contains;

TEST_CASE("Interrupt controllers are shown in QEMU's layout") {
    FakeMachine machine;
    DeviceState& devices = machine.writable().devices;
    devices.io_apic.index = 0x18;
    devices.io_apic.entries[1] = 0x0100000000000823;
    devices.io_apic.entries[9] = 0x0100000000008821;
    devices.io_apic.entries[23] = 0x10000;
    devices.pic.master.irr = 0x13, devices.pic.master.imr = 0xFF, devices.pic.master.vector_base = 0x30;
    const std::string text = HumanMonitor(machine).run("info pic");
    CHECK_THAT(text, Catch::Matchers::StartsWith("ioapic0: ver=0x20 id=0x00 sel=0x18 (redir[4])\n"));
    CHECK_THAT(
        text, Contains("  pin 1  0x0100000000000823 dest=1 vec=35  active-hi edge         fixed  logical\n"));
    CHECK_THAT(
        text, Contains("  pin 9  0x0100000000008821 dest=1 vec=33  active-hi level        fixed  logical\n"));
    CHECK_THAT(
        text,
        Contains("  pin 23 0x0000000000010000 dest=0 vec=0   active-hi edge  masked fixed  physical\n"));
    CHECK_THAT(text, Contains("  IRR      (none)\n  Remote IRR (none)\n"));
    CHECK_THAT(text, Contains("pic0: irr=13 imr=ff isr=00 hprio=0 irq_base=30 rr_sel=0 elcr=00 fnm=0\n"));
}

TEST_CASE("Ports are read and written with the width that was said") {
    FakeMachine machine;
    HumanMonitor monitor(machine);
    CHECK(monitor.run("i/b 0x20") == "portb[0x0020] = 0x13\n");
    CHECK(monitor.run("i/h 0x3f8") == "portw[0x03f8] = 0x0013\n");
    CHECK(monitor.run("o/b 0x80 1+1") == "");
    CHECK(machine.asked == "in 32/1 in 1016/2 out 128/1=2 ");
}

TEST_CASE("Keys have QEMU's names, go down in order and come up in the opposite one") {
    CHECK(scan_codes_of_keys("a") == "\x1E\x9E");
    CHECK(scan_codes_of_keys("ctrl-alt-delete") == "\x1D\x38\xE0\x53\xE0\xD3\xB8\x9D");
    CHECK(scan_codes_of_keys("shift-1") == "\x2A\x02\x82\xAA");
    CHECK(scan_codes_of_keys("ret") == "\x1C\x9C");
    CHECK_THROWS_WITH(scan_codes_of_keys("foo"), "invalid parameter: foo");
    CHECK_THROWS_WITH(scan_codes_of_keys("ctrl-"), "invalid parameter: ctrl-");
    CHECK_THROWS_WITH(scan_codes_of_keys(""), Contains("needs keys"));
    FakeMachine machine;
    CHECK(HumanMonitor(machine).run("sendkey f1") == "");
    CHECK(machine.scan_codes == "\x3B\xBB");
}

TEST_CASE("The text screen becomes a picture in the colours of its DAC, with the cursor") {
    FakeMachine machine;
    VgaTextState& vga = machine.writable().devices.vga;
    for (unsigned i = 0; i < 16; ++i) vga.attribute[i] = static_cast<std::uint8_t>(i);
    vga.dac[3 * 1 + 2] = 42;  // colour 1: blue
    vga.dac[3 * 7] = vga.dac[3 * 7 + 1] = vga.dac[3 * 7 + 2] = 63;
    vga.crtc[crtc::kCursorStart] = 14, vga.crtc[crtc::kCursorEnd] = 15, vga.crtc[crtc::kCursorLow] = 1;
    std::uint8_t* const video = &machine.ram[TextDisplay::kVideoMemory];
    video[0] = 0xDB, video[1] = 0x17;  // a full block, white on blue
    video[2] = ' ', video[3] = 0x17;
    const Picture picture = draw_text_screen(
        vga, std::span(machine.ram).subspan(TextDisplay::kVideoMemory, TextDisplay::kVideoMemoryBytes));
    CHECK(picture.width == 640);
    CHECK(picture.height == 400);
    const auto dot = [&](unsigned x, unsigned y) {
        const std::uint8_t* p = &picture.rgb[3 * (y * picture.width + x)];
        return p[0] << 16 | p[1] << 8 | p[2];
    };
    CHECK(dot(3, 8) == 0xFFFFFF);
    CHECK(dot(11, 8) == 0x0000AA);
    CHECK(dot(11, 15) == 0xFFFFFF);
    CHECK(dot(20, 15) == 0x000000);

    const TemporaryFolder folder;
    CHECK(HumanMonitor(machine).run("screendump " + folder.path("screen.png")) == "");
    CHECK(content_of(folder.path("screen.png")).substr(1, 3) == "PNG");
    CHECK_THAT(HumanMonitor(machine).run("screendump /no/such/folder/x.png"),
               Contains("cannot write the picture"));
    CHECK_THAT(HumanMonitor(machine).run("screendump"), Contains("needs a file"));
}
