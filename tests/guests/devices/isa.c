// The chips every PC has, as far as a kernel probes them: masks and initialisation of the 8259, counting
// modes of the 8254, the clock chip's registers, the UART's scratch register, loopback and identification,
// the keyboard controller.
#include <guestkit/pic.h>
#include <guestkit/pit.h>

#include "probe.h"

static u8 cmos(u8 index) {
    outb(0x70, index);
    return inb(0x71);
}

static void interrupt_controllers(void) {
    pic_init();
    check("master mask", inb(0x21), 0xFB);
    check("slave mask", inb(0xA1), 0xFF);
    outb(0x21, 0x5A), outb(0xA1, 0xA5);
    check("masks hold", inb(0x21) << 8 | inb(0xA1), 0x5AA5);
    outb(0x21, 0xFB), outb(0xA1, 0xFF);
    check("nothing is in service", pic_in_service(), 0);
}

static void timer(void) {
    // Mode 3 counts down by two and reloads; read-back command latches status.
    outb(0x43, 0x36), outb(0x40, 0), outb(0x40, 0);
    outb(0x43, 0xE2);
    check("status of channel 0: both bytes, mode 3", inb(0x40) & 0x3F, 0x36);
    outb(0x43, 0xB6), outb(0x42, 0x34), outb(0x42, 0x12);
    outb(0x43, 0xE8);
    check("status of channel 2", inb(0x42) & 0x3F, 0x36);
    outb(0x61, 0);
    check("port 0x61: gate and speaker off", inb(0x61) & 3, 0);
    outb(0x61, 1);
    check("port 0x61: gate on", inb(0x61) & 3, 1);
    outb(0x61, 0);
}

static void clock(void) {
    check("valid RAM and time", cmos(0x0D) & 0x80, 0x80);
    check("status B: 24 hours", cmos(0x0B) & 0x02, 0x02);
    const u8 b = cmos(0x0B);
    while (cmos(0x0A) & 0x80) {
    }
    u8 seconds = cmos(0), month = cmos(8), day = cmos(7), hours = cmos(4);
    if (!(b & 4)) {  // BCD
        seconds = (u8)((seconds >> 4) * 10 + (seconds & 15));
        month = (u8)((month >> 4) * 10 + (month & 15));
        day = (u8)((day >> 4) * 10 + (day & 15));
        hours = (u8)((hours >> 4) * 10 + (hours & 15));
    }
    check("seconds", seconds < 60, 1);
    check("month", month >= 1 && month <= 12, 1);
    check("day", day >= 1 && day <= 31, 1);
    check("hours", hours < 24, 1);
    outb(0x70, 0x0F), outb(0x71, 0x5A);
    check("the shutdown byte holds", cmos(0x0F), 0x5A);
    outb(0x70, 0x0F), outb(0x71, 0);
    const u32 upper = cmos(0x30) | cmos(0x31) << 8;  // KiB above 1 MiB
    check("extended memory is at least 60 MiB", upper >= 60 * 1024, 1);
}

static void serial(void) {
    enum { COM1 = 0x3F8 };
    outb(COM1 + 7, 0xA5);
    check("scratch register", inb(COM1 + 7), 0xA5);
    check("FIFOs are on: a 16550A", inb(COM1 + 2) & 0xC0, 0xC0);
    check("line control", inb(COM1 + 3), 0x03);
    outb(COM1 + 3, 0x83);
    check("divisor", inb(COM1) | inb(COM1 + 1) << 8, 1);
    outb(COM1 + 3, 0x03);
    outb(COM1 + 4, 0x1F);  // loopback: modem control feeds modem status; nothing can be printed meanwhile
    const u8 all = inb(COM1 + 6) & 0xF0;
    outb(COM1, 'x');
    while (!(inb(COM1 + 5) & 1)) {
    }
    const u8 back = inb(COM1);
    outb(COM1 + 4, 0x1A);
    const u8 other = inb(COM1 + 6) & 0xF0;
    outb(COM1 + 4, 0x0B);
    check("loopback: CTS DSR RI DCD", all, 0xF0);
    check("loopback: the byte came back", back, 'x');
    check("loopback: RTS and OUT2 only", other, 0x90);
    check("transmitter empty", inb(COM1 + 5) & 0x60, 0x60);
    check("no second port here", inb(0x3E8 + 7), 0xFF);
}

static void keyboard(void) {
    while (inb(0x64) & 1) (void)inb(0x60);
    outb(0x64, 0xAA);  // self test
    while (!(inb(0x64) & 1)) {
    }
    check("controller self test", inb(0x60), 0x55);
    outb(0x64, 0x20);
    while (!(inb(0x64) & 1)) {
    }
    check("command byte can be read", inb(0x60) <= 0x7F, 1);
    outb(0x64, 0xAB);
    while (!(inb(0x64) & 1)) {
    }
    check("keyboard interface test", inb(0x60), 0);
    outb(0x64, 0xAE);
    outb(0x60, 0xF4);  // enable scanning: the keyboard acknowledges
    while (!(inb(0x64) & 1)) {
    }
    check("keyboard acknowledges", inb(0x60), 0xFA);
    outb(0x60, 0xEE);
    while (!(inb(0x64) & 1)) {
    }
    check("echo", inb(0x60), 0xEE);
    check("A20 is on", (inb(0x92) & 2), 2);
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    interrupt_controllers();
    timer();
    clock();
    serial();
    keyboard();
    finish();
}
