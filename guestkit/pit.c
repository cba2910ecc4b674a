#include <guestkit/cpu.h>
#include <guestkit/pit.h>

enum {
    CHANNEL0 = 0x40,
    CHANNEL2 = 0x42,
    CONTROL = 0x43,
    SYSTEM_CONTROL_B = 0x61,
    SELECT0_LOHI_MODE0 = 0x30,
    SELECT0_LOHI_MODE2 = 0x34,
    SELECT0_LATCH = 0x00,
    SELECT2_LOHI_MODE0 = 0xB0,
    GATE2 = 0x01,
    SPEAKER = 0x02,
    OUT2 = 0x20,
};

static void load(u16 channel, u8 control, u16 count) {
    outb(CONTROL, control);
    outb(channel, (u8)count);
    outb(channel, (u8)(count >> 8));
}

void pit_start(unsigned hz) {
    load(CHANNEL0, SELECT0_LOHI_MODE2, (u16)(PIT_HZ / hz));
}
void pit_one_shot(u16 ticks) {
    load(CHANNEL0, SELECT0_LOHI_MODE0, ticks);
}

u16 pit_count(void) {
    outb(CONTROL, SELECT0_LATCH);
    const u8 low = inb(CHANNEL0);
    return (u16)(low | (inb(CHANNEL0) << 8));
}

void pit_wait(u16 ticks) {
    outb(SYSTEM_CONTROL_B, (u8)((inb(SYSTEM_CONTROL_B) & ~SPEAKER) | GATE2));
    load(CHANNEL2, SELECT2_LOHI_MODE0, ticks);
    while (!(inb(SYSTEM_CONTROL_B) & OUT2)) {
    }
}
