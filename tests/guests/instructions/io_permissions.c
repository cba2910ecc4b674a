// The I/O permission bitmap: which ports a ring-3 program may use with IOPL 0.  Every byte of an access
// counts, and the byte behind the map must lie within the TSS.  SDM Vol. 1, section 19.5.2.
#include "probe.h"

enum { PORTS = 0x1300 };
static struct {
    struct tss tss;
    u8 map[PORTS / 8 + 1];
} big;

static void load(u32 limit, u16 map_base) {
    big.tss = tss;
    big.tss.io_map_base = map_base;
    *gdt_slot(FIRST_FREE_SELECTOR) = make_descriptor((u32)&big, limit, ACCESS_TSS, 0);
    __asm__ volatile("ltr %w0" : : "r"(FIRST_FREE_SELECTOR));
}
static void allow(u16 port) {
    big.map[port / 8] &= (u8) ~(1u << (port % 8));
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    memset(big.map, 0xFF, sizeof big.map);
    allow(0x21);
    for (u16 port = 0x1236; port < 0x123A; ++port) allow(port);
    load(sizeof big - 1, sizeof big.tss);

    EXPECT_NO_FAULT(3, "mov al, 0xFB", "out 0x21, al");
    EXPECT_NO_FAULT(3, "", "in al, 0x21");
    check("read back", last.eax & 0xFF, 0xFB);
    EXPECT(3, "", "in al, 0x20", VECTOR_GP, 0);
    EXPECT(3, "", "in ax, 0x20", VECTOR_GP, 0);
    EXPECT(3, "", "in ax, 0x21", VECTOR_GP, 0);  // port 0x22 is not open
    EXPECT(3, "mov dx, 0x1235", "in al, dx", VECTOR_GP, 0);
    EXPECT_NO_FAULT(3, "mov dx, 0x1236", "in eax, dx");  // across two bytes of the map
    EXPECT_NO_FAULT(3, "mov dx, 0x1238", "in ax, dx");
    EXPECT(3, "mov dx, 0x1237", "in eax, dx", VECTOR_GP, 0);
    EXPECT(3, "mov dx, 0x1239", "out dx, ax", VECTOR_GP, 0);
    EXPECT_NO_FAULT(3, "mov dx, 0x1239", "out dx, al");
    EXPECT(3, "mov dx, 0xFFFF", "in al, dx", VECTOR_GP, 0);  // behind the map
    static u8 byte;
    with.edi = (u32)&byte;
    EXPECT_NO_FAULT(3, "mov dx, 0x21", "insb");
    check("insb", byte, 0xFB);
    EXPECT_NO_FAULT(0, "", "in al, 0x20");  // ring 0 needs no permission
    EXPECT(3, "", "cli", VECTOR_GP, 0);     // and the map gives no other

    // The limit cuts the map short: the two bytes that are always read must fit.
    load(offsetof(__typeof__(big), map) + 0x21 / 8, sizeof big.tss);
    EXPECT(3, "", "in al, 0x21", VECTOR_GP, 0);
    load(offsetof(__typeof__(big), map) + 0x21 / 8 + 1, sizeof big.tss);
    EXPECT_NO_FAULT(3, "", "in al, 0x21");
    load(sizeof big - 1, sizeof big);  // a base at or behind the limit: no map
    EXPECT(3, "", "in al, 0x21", VECTOR_GP, 0);
    with.eflags = EFLAGS_IOPL;
    EXPECT_NO_FAULT(3, "", "in al, 0x21");
    finish();
}
