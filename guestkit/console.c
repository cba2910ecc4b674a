#include <guestkit/console.h>
#include <guestkit/cpu.h>

// The 16550's registers, relative to its base; datasheet PC16550D, table II.
enum {
    COM1 = 0x3F8,
    DATA = 0,
    INTERRUPT_ENABLE = 1,
    DIVISOR_LOW = 0,
    DIVISOR_HIGH = 1,
    FIFO_CONTROL = 2,
    LINE_CONTROL = 3,
    MODEM_CONTROL = 4,
    LINE_STATUS = 5,
    LCR_8N1 = 0x03,
    LCR_DIVISOR_LATCH = 0x80,
    MCR_DTR_RTS = 0x03,
    FCR_ENABLE_CLEAR = 0x07,
    LSR_TRANSMIT_EMPTY = 0x20,
};
enum { BOCHS_DEBUG_PORT = 0xE9 };

static bool mirror;

void console_init(void) {
    outb(COM1 + INTERRUPT_ENABLE, 0);
    outb(COM1 + LINE_CONTROL, LCR_DIVISOR_LATCH);
    outb(COM1 + DIVISOR_LOW, 1);
    outb(COM1 + DIVISOR_HIGH, 0);
    outb(COM1 + LINE_CONTROL, LCR_8N1);
    outb(COM1 + FIFO_CONTROL, FCR_ENABLE_CLEAR);
    outb(COM1 + MODEM_CONTROL, MCR_DTR_RTS);
}

void console_mirror_to_e9(bool on) {
    mirror = on;
}

void console_put(char c) {
    while (!(inb(COM1 + LINE_STATUS) & LSR_TRANSMIT_EMPTY)) {
    }
    outb(COM1 + DATA, (u8)c);
    if (mirror) outb(BOCHS_DEBUG_PORT, (u8)c);
}
