// Interrupts of devices beside the timer: the clock chip's periodic one through both controllers, and the
// UART's transmitter.  Datasheets MC146818, PC16550D.
#include <guestkit/pic.h>

#include "probe.h"

static volatile u32 clock_ticks, serial_interrupts, flags_seen;

static struct trap_frame* on_clock(struct trap_frame* f) {
    outb(0x70, 0x0C);
    flags_seen |= inb(0x71);  // reading register C lets the next one come
    ++clock_ticks;
    pic_end_of_interrupt(8);
    return f;
}
static struct trap_frame* on_serial(struct trap_frame* f) {
    if ((inb(0x3FA) & 0x0F) == 0x02) ++serial_interrupts;  // transmitter empty; reading clears it
    outb(0x3F9, 0);
    pic_end_of_interrupt(4);
    return f;
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    set_handler(PIC_VECTOR_BASE + 8, on_clock);
    set_handler(PIC_VECTOR_BASE + 4, on_serial);
    outb(0x70, 0x0A), outb(0x71, 0x26);  // 1024 Hz
    outb(0x70, 0x0B);
    const u8 b = inb(0x71);
    outb(0x70, 0x0B), outb(0x71, b | 0x40);
    outb(0x70, 0x0C), (void)inb(0x71);
    pic_unmask(8);
    sti();
    while (clock_ticks < 5) {
    }
    cli();
    outb(0x70, 0x0B), outb(0x71, b & ~0x40);
    pic_mask(8);
    check("periodic interrupts", clock_ticks >= 5, 1);
    check("register C said so", flags_seen & 0xC0, 0xC0);

    outb(0x3FC, 0x0B);  // OUT2 lets the UART reach the controller
    pic_unmask(4);
    outb(0x3F9, 0x02);
    sti();
    while (!serial_interrupts) {
    }
    cli();
    pic_mask(4);
    outb(0x3F9, 0);
    check("transmitter interrupt", serial_interrupts, 1);
    finish();
}
