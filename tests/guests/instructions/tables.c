// lgdt, lidt, lldt, ltr and the instructions that read those registers: every operand form, both rings.
// SDM Vol. 2: LGDT/LIDT, SGDT, SIDT, LLDT, LTR, SLDT, STR.
#include "descriptors.h"
#include "probe.h"

static struct __attribute__((packed, aligned(4))) {
    u16 limit;
    u32 base;
    u16 guard;
} table;

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    descriptors_init();

    for (int ring = 0; ring <= 3; ring += 3) {  // without UMIP ring 3 may look at all of them
        memset(&table, 0xEE, sizeof table);
        with.ebx = (u32)&table;
        EXPECT_NO_FAULT(ring, "", "sgdt [ebx]");
        check("sgdt limit", table.limit, sizeof gdt - 1);
        check("sgdt base is the GDT's", table.base == (u32)gdt, 1);
        check("sgdt stores six bytes", table.guard, 0xEEEE);
        memset(&table, 0xEE, sizeof table);
        with.ebx = (u32)&table;
        EXPECT_NO_FAULT(ring, "", "sidt [ebx]");
        check("sidt limit", table.limit, sizeof idt - 1);
        check("sidt base is the IDT's", table.base == (u32)idt, 1);
        memset(&table, 0xEE, sizeof table);
        with.ebx = (u32)&table;
        EXPECT_NO_FAULT(ring, "", ".byte 0x66; sgdt [ebx]");
        check("sgdt, 16-bit operand: limit", table.limit, sizeof gdt - 1);
        check("sgdt, 16-bit operand: low base is the GDT's", (table.base & 0xFFFFFF) == ((u32)gdt & 0xFFFFFF),
              1);

        with.eax = 0xAAAAAAAA;
        EXPECT_NO_FAULT(ring, "", "str eax");
        check("str r32", last.eax, TSS_SELECTOR);
        with.eax = 0xAAAAAAAA;
        EXPECT_NO_FAULT(ring, "", "str ax");
        check("str r16", last.eax, 0xAAAA0000 | TSS_SELECTOR);
        memset(&table, 0xEE, sizeof table);
        with.ebx = (u32)&table;
        EXPECT_NO_FAULT(ring, "", "str word ptr [ebx]");
        check("str m16", table.limit, TSS_SELECTOR);
        check("str m16 stores two bytes", table.base, 0xEEEEEEEE);
        with.eax = 0xAAAAAAAA;
        EXPECT_NO_FAULT(ring, "", "sldt eax");
        check("sldt r32 with no LDT", last.eax, 0);
        with.eax = 0xAAAAAAAA;
        EXPECT_NO_FAULT(ring, "", "sldt ax");
        check("sldt r16", last.eax, 0xAAAA0000);
        with.ebx = (u32)&table;
        EXPECT_NO_FAULT(ring, "", "sldt word ptr [ebx]");
        check("sldt m16", table.limit, 0);
    }

    // Ring 3 may load none of them, whatever the operand.
    with.ebx = (u32)&table;
    EXPECT(3, "", "lgdt [ebx]", VECTOR_GP, 0);
    with.ebx = (u32)&table;
    EXPECT(3, "", "lidt [ebx]", VECTOR_GP, 0);
    EXPECT(3, "", "lldt ax", VECTOR_GP, 0);
    EXPECT(3, "", "ltr ax", VECTOR_GP, 0);

    // A second GDT, loaded by both operand sizes; the segment registers keep what they have.
    static u64 other_gdt[GDT_ENTRIES];
    memcpy(other_gdt, gdt, sizeof gdt);
    const u32 saved_base = (u32)gdt;
    table.limit = sizeof other_gdt - 1;
    table.base = (u32)other_gdt;
    with.ebx = (u32)&table, with.ecx = USER_DATA;
    EXPECT_NO_FAULT(0, "", "lgdt [ebx]; mov fs, ecx; mov eax, fs");
    check("a segment from the second GDT", last.eax, USER_DATA);
    memset(&table, 0, sizeof table);
    with.ebx = (u32)&table;
    EXPECT_NO_FAULT(3, "", "sgdt [ebx]");
    check("sgdt shows the second GDT", table.base == (u32)other_gdt, 1);
    // The 16-bit form ignores the top byte of the base.
    table.limit = sizeof gdt - 1;
    table.base = saved_base | 0x77000000;
    with.ebx = (u32)&table, with.ecx = USER_DATA;
    EXPECT_NO_FAULT(0, "", ".byte 0x66; lgdt [ebx]; mov fs, ecx");
    memset(&table, 0, sizeof table);
    with.ebx = (u32)&table;
    EXPECT_NO_FAULT(0, "", "sgdt [ebx]");
    check("24 bits of base", table.base == saved_base, 1);

    // A table that ends early: selectors behind its limit are out.
    table.limit = 0x2F;
    with.ebx = (u32)&table, with.ecx = FLAT_DATA3;
    EXPECT(0, "lgdt [ebx]", "mov fs, ecx", VECTOR_GP, FLAT_DATA3);
    table.limit = sizeof gdt - 1;
    with.ebx = (u32)&table;
    EXPECT_NO_FAULT(0, "", "lgdt [ebx]");

    // An IDT of our own: int 0x60 goes where it says.
    static u64 other_idt[256];
    memcpy(other_idt, idt, sizeof idt);
    other_idt[0x61] = other_idt[NO_FAULT];
    table.limit = 0x61 * 8 + 7;
    table.base = (u32)other_idt;
    with.ebx = (u32)&table;
    EXPECT_NO_FAULT(0, "", "lidt [ebx]");
    EXPECT_NO_FAULT(3, "", "int 0x61");
    EXPECT(3, "", "int 0x62", VECTOR_GP, 0x62 * 8 + 2);  // beyond the limit
    EXPECT(0, "", "int 0x62", VECTOR_GP, 0x62 * 8 + 2);
    table.limit = sizeof idt - 1;
    table.base = (u32)idt;
    with.ebx = (u32)&table;
    EXPECT_NO_FAULT(0, "", "lidt [ebx]");

    // LDTR.
    with.eax = LDT_SYSTEM, with.ecx = 0x0F;
    EXPECT_NO_FAULT(0, "", "lldt ax; mov fs, ecx; sldt edx");
    check("sldt", last.edx, LDT_SYSTEM);
    check("a segment from the LDT", last.fs & 0xFFFF, 0x0F);
    with.ecx = 0x1F;
    EXPECT_NO_FAULT(3, "", "mov fs, ecx");
    with.ecx = 0x27;
    EXPECT(3, "", "mov fs, ecx", VECTOR_GP, 0x24);  // behind the LDT's end
    EXPECT_NO_FAULT(3, "", "sldt eax");
    check("sldt at ring 3", last.eax, LDT_SYSTEM);
    static u16 selector;
    selector = 0;
    with.ebx = (u32)&selector, with.ecx = 0x0F;
    EXPECT(0, "lldt word ptr [ebx]", "mov fs, ecx", VECTOR_GP, 0x0C);
    with.eax = KERNEL_DATA;
    EXPECT(0, "", "lldt ax", VECTOR_GP, KERNEL_DATA);
    with.eax = BEYOND;
    EXPECT(0, "", "lldt ax", VECTOR_GP, BEYOND);
    with.eax = LDT_SYSTEM | 4;
    EXPECT(0, "", "lldt ax", VECTOR_GP, LDT_SYSTEM | 4);
    *gdt_slot(LDT_SYSTEM) &= ~((u64)ACCESS_PRESENT << 40);
    with.eax = LDT_SYSTEM;
    EXPECT(0, "", "lldt ax", VECTOR_NP, LDT_SYSTEM);

    // TR: loading sets the busy bit; a busy TSS, or no TSS at all, is refused.
    with.eax = KERNEL_DATA;
    EXPECT(0, "", "ltr ax", VECTOR_GP, KERNEL_DATA);
    with.eax = TSS_SELECTOR;
    EXPECT(0, "", "ltr ax", VECTOR_GP, TSS_SELECTOR);
    with.eax = LDT_USER;
    EXPECT(0, "", "ltr ax", VECTOR_GP, LDT_USER);
    spare_tss = tss;
    selector = SPARE_TSS;
    with.ebx = (u32)&selector;
    EXPECT_NO_FAULT(0, "", "ltr word ptr [ebx]");
    check("ltr sets busy", (u32)(*gdt_slot(SPARE_TSS) >> 40) & 0xFF, ACCESS_TSS | 2);
    EXPECT_NO_FAULT(3, "", "str eax");
    check("str after ltr", last.eax, SPARE_TSS);
    *gdt_slot(TSS_SELECTOR) = make_descriptor((u32)&tss, sizeof tss - 1, ACCESS_TSS & ~ACCESS_PRESENT, 0);
    with.eax = TSS_SELECTOR;
    EXPECT(0, "", "ltr ax", VECTOR_NP, TSS_SELECTOR);
    finish();
}
