#include <guestkit/cpu.h>
#include <guestkit/power.h>

enum { DEBUG_EXIT_PORT = 0x501, PM1A_CONTROL = 0x604, PM1_SLEEP_ENABLE = 0x2000 };

void debug_exit(unsigned code) {
    outw(DEBUG_EXIT_PORT, (u16)code);
    power_off();
}

void power_off(void) {
    outw(PM1A_CONTROL, PM1_SLEEP_ENABLE);
    for (;;) __asm__ volatile("cli; hlt");
}
