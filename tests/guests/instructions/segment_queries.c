// lar, lsl, verr, verw and arpl: ZF for every kind of selector at both rings, and what comes out.
// SDM Vol. 2: LAR (table 3-53), LSL (table 3-65), VERR, ARPL.
#include "descriptors.h"
#include "probe.h"

struct answer {
    const char* what;
    u16 selector;
    u8 ring, lar, lsl, verr, verw;
};

static const struct answer answers[] = {
    {"null", 0, 0, 0, 0, 0, 0},
    {"null with RPL 3", 3, 3, 0, 0, 0, 0},
    {"kernel data", KERNEL_DATA, 0, 1, 1, 1, 1},
    {"kernel data", KERNEL_DATA, 3, 0, 0, 0, 0},
    {"kernel data, RPL 3", KERNEL_DATA | 3, 0, 0, 0, 0, 0},
    {"kernel code", KERNEL_CODE, 0, 1, 1, 1, 0},
    {"kernel code", KERNEL_CODE, 3, 0, 0, 0, 0},
    {"user data", USER_DATA, 0, 1, 1, 1, 1},
    {"user data", USER_DATA, 3, 1, 1, 1, 1},
    {"read only", READ_ONLY3 | 3, 3, 1, 1, 1, 0},
    {"read only", READ_ONLY0, 0, 1, 1, 1, 0},
    {"execute only", EXECUTE_ONLY3 | 3, 3, 1, 1, 0, 0},
    {"user code", CODE3 | 3, 3, 1, 1, 1, 0},
    {"conforming, DPL 0", CONFORMING0, 3, 1, 1, 1, 0},
    {"absent", ABSENT3 | 3, 3, 1, 1, 1, 1},
    {"absent", ABSENT3 | 3, 0, 1, 1, 1, 1},
    {"expand down", EXPAND_DOWN3 | 3, 3, 1, 1, 1, 1},
    {"LDT", LDT_SYSTEM, 0, 1, 1, 0, 0},
    {"LDT", LDT_SYSTEM, 3, 0, 0, 0, 0},
    {"LDT, DPL 3", LDT_USER, 3, 1, 1, 0, 0},
    {"busy TSS", TSS_SELECTOR, 0, 1, 1, 0, 0},
    {"TSS", SPARE_TSS, 0, 1, 1, 0, 0},
    {"TSS", SPARE_TSS, 3, 0, 0, 0, 0},
    {"call gate", CALL_GATE3 | 3, 3, 1, 0, 0, 0},
    {"call gate", CALL_GATE3, 0, 1, 0, 0, 0},
    {"byte limit", BYTE_LIMIT3 | 3, 3, 1, 1, 1, 1},
    {"DPL 1", DATA1 | 1, 0, 1, 1, 1, 1},
    {"DPL 1", DATA1 | 1, 3, 0, 0, 0, 0},
    {"beyond the table", BEYOND, 0, 0, 0, 0, 0},
    {"beyond the table", 0xFFF8, 3, 0, 0, 0, 0},
    {"no LDT", 0x0C, 0, 0, 0, 0, 0},
    {"empty slot", 0xF0, 0, 0, 0, 0, 0},
    {"host's 32-bit code", 0x23, 3, 1, 1, 1, 1},
    {"host's data", 0x2B, 3, 0, 0, 0, 0},
    {"host's 64-bit code", 0x33, 3, 1, 1, 1, 1},
    {"host's TLS", 0x63, 3, 1, 1, 1, 1},
};

static u32 zf(void) {
    return (last.eflags & EFLAGS_ZF) != 0;
}

static u32 limit_of(u64 d) {
    const u32 raw = (u32)(d & 0xFFFF) | ((u32)(d >> 32) & 0xF0000);
    return (d >> 55) & 1 ? (raw << 12) | 0xFFF : raw;
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    descriptors_init();

    for (unsigned i = 0; i < sizeof answers / sizeof *answers; ++i) {
        const struct answer a = answers[i];
        const u64 d = a.selector < BEYOND ? *gdt_slot(a.selector) : 0;
        // ZF starts as the opposite of the right answer, everything else in EFLAGS set: only ZF may change.
        const u32 others = EFLAGS_CF | EFLAGS_SF | EFLAGS_OF;
        print("%s (%x) at ring %u: ", a.what, a.selector, a.ring);

        with.ecx = a.selector, with.eax = 0x5A5A5A5A, with.eflags = others | (a.lar ? 0 : EFLAGS_ZF);
        PROBE(a.ring, "", "lar eax, ecx");
        print("lar %u %x", zf(), last.eax & 0xFFF0FFFF);
        check_quietly("lar ZF", zf(), a.lar);
        check_quietly("lar", last.eax & 0xFFF0FFFF, a.lar ? (u32)(d >> 32) & 0x00F0FF00 : 0x5A505A5A);
        check_quietly("other flags", last.eflags & others, others);

        with.ecx = a.selector, with.eax = 0x5A5A5A5A, with.eflags = a.lsl ? 0 : EFLAGS_ZF;
        PROBE(a.ring, "", "lsl eax, ecx");
        print(", lsl %u %x", zf(), last.eax);
        check_quietly("lsl ZF", zf(), a.lsl);
        check_quietly("lsl", last.eax, a.lsl ? limit_of(d) : 0x5A5A5A5A);

        with.ecx = a.selector, with.eflags = a.verr ? 0 : EFLAGS_ZF;
        PROBE(a.ring, "", "verr cx");
        print(", verr %u", zf());
        check_quietly("verr ZF", zf(), a.verr);

        with.ecx = a.selector, with.eflags = a.verw ? 0 : EFLAGS_ZF;
        PROBE(a.ring, "", "verw cx");
        print(", verw %u\n", zf());
        check_quietly("verw ZF", zf(), a.verw);
    }

    // Memory operands and 16-bit destinations.
    static u16 selector = USER_DATA;
    with.ebx = (u32)&selector, with.eax = 0xFFFFFFFF;
    EXPECT_NO_FAULT(3, "", "lar ax, word ptr [ebx]");
    check("lar, 16 bits", last.eax, 0xFFFFF300);
    with.ebx = (u32)&selector, with.eax = 0x11111111;
    EXPECT_NO_FAULT(3, "", "lsl ax, word ptr [ebx]");
    check("lsl, 16 bits", last.eax, 0x1111FFFF);
    with.ebx = (u32)&selector;
    EXPECT_NO_FAULT(3, "", "verr word ptr [ebx]");
    check("verr, memory", zf(), 1);
    with.ebx = (u32)&selector;
    EXPECT_NO_FAULT(3, "", "verw word ptr [ebx]");
    check("verw, memory", zf(), 1);

    for (int ring = 0; ring <= 3; ring += 3) {
        with.eax = 0x12340010, with.ecx = 3, with.eflags = EFLAGS_CF;
        EXPECT_NO_FAULT(ring, "", "arpl ax, cx");
        check("arpl raises RPL", last.eax, 0x12340013);
        check("and sets ZF alone", last.eflags & (EFLAGS_ZF | EFLAGS_CF), EFLAGS_ZF | EFLAGS_CF);
        with.eax = 0x13, with.ecx = 1, with.eflags = EFLAGS_ZF;
        EXPECT_NO_FAULT(ring, "", "arpl ax, cx");
        check("arpl leaves a higher RPL", last.eax, 0x13);
        check("and clears ZF", zf(), 0);
        selector = 0x20;
        with.ebx = (u32)&selector, with.ecx = 0x1B;
        EXPECT_NO_FAULT(ring, "", "arpl word ptr [ebx], cx");
        check("arpl in memory", selector, 0x23);
    }
    finish();
}
