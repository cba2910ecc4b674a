// A disk at the second place of a channel whose first place is empty: how a driver finds it that waits for
// the first drive, as the firmware left it, before it looks for another.  ATA-5, 9.16.2 leaves the absent
// drive to the host; it is ready, and aborts what it is told.
#include "probe.h"

enum { DATA = 0x1F0, ERROR = 0x1F1, COUNT = 0x1F2, LBA0 = 0x1F3, LBA1 = 0x1F4, LBA2 = 0x1F5, DEVICE = 0x1F6 };
enum { COMMAND = 0x1F7, CONTROL = 0x3F6 };
enum { BSY = 0x80, DRDY = 0x40, DRQ = 0x08, ERR = 0x01 };
enum { READ = 0x20, IDENTIFY = 0xEC };
enum { PATIENCE = 100000 };

static u16 sector[256];

/// The status once the selected drive is ready, or 0.
static u8 ready(void) {
    for (u32 i = 0; i < PATIENCE; ++i) {
        const u8 status = inb(COMMAND);
        if ((status & (BSY | DRDY)) == DRDY) return status;
    }
    return 0;
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    outb(CONTROL, 2);  // polled
    check("the first drive is ready", ready() & (DRDY | DRQ | ERR), DRDY);
    outb(DEVICE, 0xE0);
    outb(COMMAND, IDENTIFY);
    check("but has nothing to tell", ready() & (DRQ | ERR), ERR);
    check("because it aborts", inb(ERROR) & 4, 4);

    outb(DEVICE, 0xF0);
    check("the second drive is ready", ready() & (DRDY | DRQ), DRDY);
    outb(COUNT, 1);
    outb(LBA0, 7), outb(LBA1, 0), outb(LBA2, 0);
    outb(COMMAND, READ);
    check("it reads", ready() & (DRQ | ERR), DRQ);
    for (u32 i = 0; i < 256; ++i) sector[i] = inw(DATA);
    char* text = (char*)sector;
    text[8] = 0;
    print("\"%s\"\n", text);
    outb(DEVICE, 0xE0);
    check("the first is ready still", ready() & (DRDY | DRQ), DRDY);
    finish();
}
