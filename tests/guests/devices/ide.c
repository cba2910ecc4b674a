// A disk on the first IDE channel by programmed I/O: identify, read, write, read back, errors.  ATA-5,
// chapters 8, 9.
#include "probe.h"

enum {
    DATA = 0x1F0,
    ERROR = 0x1F1,
    COUNT = 0x1F2,
    LBA0 = 0x1F3,
    LBA1 = 0x1F4,
    LBA2 = 0x1F5,
    DEVICE = 0x1F6,
    COMMAND = 0x1F7,
    CONTROL = 0x3F6
};
enum { BSY = 0x80, DRDY = 0x40, DRQ = 0x08, ERR = 0x01 };
enum { READ = 0x20, WRITE = 0x30, IDENTIFY = 0xEC, FLUSH = 0xE7 };

static u16 sector[256];

static u8 settle(void) {
    u8 status;
    for (unsigned i = 0; i < 4; ++i) (void)inb(CONTROL);
    while ((status = inb(COMMAND)) & BSY) {
    }
    return status;
}
static void start(u8 command, u32 lba, u8 count) {
    settle();
    outb(DEVICE, (u8)(0xE0 | (lba >> 24)));
    outb(COUNT, count);
    outb(LBA0, (u8)lba), outb(LBA1, (u8)(lba >> 8)), outb(LBA2, (u8)(lba >> 16));
    outb(COMMAND, command);
}
static void take(void) {
    void* to = sector;
    u32 n = 256;
    __asm__ volatile("rep insw" : "+D"(to), "+c"(n) : "d"(DATA) : "memory");
}
static void give(void) {
    const void* from = sector;
    u32 n = 256;
    __asm__ volatile("rep outsw" : "+S"(from), "+c"(n) : "d"(DATA) : "memory");
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    outb(CONTROL, 2);  // polled
    start(IDENTIFY, 0, 0);
    check("identify", settle() & (DRQ | ERR), DRQ);
    take();
    check("sectors by LBA", sector[60] | (u32)sector[61] << 16, 2 * 2048);
    check("LBA capable", sector[49] & 0x200, 0x200);
    check("no data left", settle() & DRQ, 0);

    start(READ, 3, 3);
    for (u32 n = 3; n < 6; ++n) {
        check_quietly("read", settle() & (DRQ | ERR), DRQ);
        take();
        char* text = (char*)sector;
        text[8] = 0;
        print("sector %u begins \"%s\"\n", n, text);
    }
    check("done", settle() & (DRQ | ERR), 0);

    for (u32 n = 100; n < 102; ++n) {
        for (u32 i = 0; i < 256; ++i) sector[i] = (u16)(n * 256 + i);
        start(WRITE, n, 1);
        check_quietly("write wants data", settle() & (DRQ | ERR), DRQ);
        give();
        check_quietly("written", settle() & (DRQ | ERR), 0);
    }
    start(FLUSH, 0, 0);
    check("flush", settle() & ERR, 0);
    start(READ, 101, 1);
    settle();
    take();
    u32 wrong = 0;
    for (u32 i = 0; i < 256; ++i) wrong += sector[i] != (u16)(101 * 256 + i);
    check("read back", wrong, 0);

    start(READ, 2 * 2048 + 5, 1);  // beyond the end
    check("beyond the end", settle() & (ERR | DRQ), ERR);
    start(0x02, 0, 0);  // no such command
    check("unknown command", settle() & ERR, ERR);
    check("aborted", inb(ERROR) & 4, 4);
    outb(DEVICE, 0xF0);  // there is no second disk
    check("no slave", inb(COMMAND) & (DRQ | ERR | BSY), 0);
    finish();
}
