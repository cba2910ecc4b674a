// in, out, ins and outs in every operand form, on ports whose contents are known: the interrupt mask register
// at 0x21 keeps what is written; no device answers at 0x1230, which reads as ones. SDM Vol. 2: IN, OUT, INS,
// OUTS.
#include "probe.h"

static u8 buffer[16];

static void pattern(void) {
    for (unsigned i = 0; i < sizeof buffer; ++i) buffer[i] = (u8)(0x10 + i);
}

static void single(int ring) {
    const u32 iopl = ring ? EFLAGS_IOPL : 0;
    with.eflags = iopl, with.eax = 0xAAAAAAF5;
    EXPECT_NO_FAULT(ring, "", "out 0x21, al");
    with.eflags = iopl, with.eax = 0xAAAAAAAA;
    EXPECT_NO_FAULT(ring, "", "in al, 0x21");
    check("in al, imm8 changes AL only", last.eax, 0xAAAAAAF5);
    with.eflags = iopl, with.eax = 0xAAAAAAF3, with.edx = 0x21;
    EXPECT_NO_FAULT(ring, "", "out dx, al");
    with.eflags = iopl, with.eax = 0xAAAAAAAA, with.edx = 0xFFFF0021;  // DX, not EDX
    EXPECT_NO_FAULT(ring, "", "in al, dx");
    check("in al, dx", last.eax, 0xAAAAAAF3);
    with.eflags = iopl, with.eax = 0xAAAAAAAA, with.edx = 0x1230;
    EXPECT_NO_FAULT(ring, "", "in ax, dx");
    check("in ax, dx changes AX only", last.eax, 0xAAAAFFFF);
    with.eflags = iopl, with.edx = 0x1230;
    EXPECT_NO_FAULT(ring, "", "in eax, dx");
    check("in eax, dx", last.eax, 0xFFFFFFFF);
    with.eflags = iopl, with.eax = 0x12345678, with.edx = 0x1230;
    EXPECT_NO_FAULT(ring, "", "out dx, ax; out dx, eax");
    with.eflags = iopl;
    EXPECT_NO_FAULT(ring, "", "in ax, 0xF8; in eax, 0xF8; out 0xF8, ax; out 0xF8, eax");
}

static void strings(int ring) {
    const u32 iopl = ring ? EFLAGS_IOPL : 0;
    outb(0x21, 0xF7);
    pattern();
    with.eflags = iopl, with.edi = (u32)buffer, with.ecx = 5, with.edx = 0x21;
    EXPECT_NO_FAULT(ring, "", "rep insb");
    check("rep insb: EDI", last.edi - (u32)buffer, 5);
    check("rep insb: ECX", last.ecx, 0);
    check("rep insb: last byte", buffer[4], 0xF7);
    check("rep insb: the byte behind", buffer[5], 0x15);
    pattern();
    with.eflags = iopl | EFLAGS_DF, with.edi = (u32)buffer + 8, with.ecx = 2, with.edx = 0x1230;
    EXPECT_NO_FAULT(ring, "", "rep insd");
    check("rep insd backwards: EDI", last.edi - (u32)buffer, 0);
    check("rep insd: below", buffer[3], 0x13);
    check("rep insd: lowest", buffer[4], 0xFF);
    check("rep insd: highest", buffer[11], 0xFF);
    check("rep insd: above", buffer[12], 0x1C);
    with.eflags = iopl, with.edi = (u32)buffer, with.edx = 0x1230;
    EXPECT_NO_FAULT(ring, "", "insw");
    check("insw: EDI", last.edi - (u32)buffer, 2);
    with.eflags = iopl, with.edi = (u32)buffer, with.ecx = 0, with.edx = 0x21;
    EXPECT_NO_FAULT(ring, "", "rep insb");
    check("rep with ECX 0: EDI", last.edi - (u32)buffer, 0);

    pattern();
    buffer[6] = 0xFD;
    with.eflags = iopl, with.esi = (u32)buffer, with.ecx = 7, with.edx = 0x21;
    EXPECT_NO_FAULT(ring, "", "rep outsb");
    check("rep outsb: ESI", last.esi - (u32)buffer, 7);
    check("rep outsb: the last byte came last", inb(0x21), 0xFD);
    with.eflags = iopl, with.esi = (u32)buffer, with.ecx = 2, with.edx = 0x1230;
    EXPECT_NO_FAULT(ring, "", "rep outsw");
    check("rep outsw: ESI", last.esi - (u32)buffer, 4);
    with.eflags = iopl | EFLAGS_DF, with.esi = (u32)buffer + 8, with.edx = 0x1230;
    EXPECT_NO_FAULT(ring, "", "outsd");
    check("outsd backwards: ESI", last.esi - (u32)buffer, 4);

    // outs takes a segment override, and both take 16-bit addresses.
    *gdt_slot(FIRST_FREE_SELECTOR) =
        make_descriptor((u32)buffer, 0xFFFFF, ACCESS_DATA | ACCESS_DPL3, SEGMENT_32BIT | SEGMENT_4K);
    buffer[2] = 0xEF;
    with.eflags = iopl, with.esi = 2, with.edx = 0x21, with.eax = FIRST_FREE_SELECTOR | 3;
    EXPECT_NO_FAULT(ring, "mov fs, eax", ".byte 0x64; outsb");
    check("outs with an override", inb(0x21), 0xEF);
    volatile u8* const low = (u8*)0x7000;
    low[0] = low[1] = low[2] = 0;
    with.eflags = iopl, with.edi = 0xABCD7000, with.ecx = 0xABCD0002, with.edx = 0x21;
    EXPECT_NO_FAULT(ring, "", ".byte 0x67; rep insb");
    check("16-bit address: DI", last.edi, 0xABCD7002);
    check("16-bit count: CX", last.ecx, 0xABCD0000);
    check("16-bit address: stored", low[0] | low[1] << 8 | low[2] << 16, 0xEFEF);
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    for (int ring = 0; ring <= 3; ring += 3) {
        single(ring);
        strings(ring);
    }
    // IOPL 0: nothing is allowed, string or not, even with a count of 0.
    EXPECT(3, "", "in al, 0x21", VECTOR_GP, 0);
    EXPECT(3, "", "in eax, 0x21", VECTOR_GP, 0);
    EXPECT(3, "", "out 0x21, al", VECTOR_GP, 0);
    EXPECT(3, "", "in al, dx", VECTOR_GP, 0);
    EXPECT(3, "", "in ax, dx", VECTOR_GP, 0);
    EXPECT(3, "", "out dx, al", VECTOR_GP, 0);
    EXPECT(3, "", "out dx, eax", VECTOR_GP, 0);
    EXPECT(3, "", "insb", VECTOR_GP, 0);
    EXPECT(3, "", "outsb", VECTOR_GP, 0);
    EXPECT(3, "mov ecx, 3", "rep insd", VECTOR_GP, 0);
    check("a refused rep leaves ECX", last.ecx, 3);
    EXPECT(3, "mov ecx, 3", "rep outsw", VECTOR_GP, 0);
    finish();
}
