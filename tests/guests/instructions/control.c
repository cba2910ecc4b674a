// Control and debug registers, lmsw, smsw, clts, invlpg and the cache instructions: both directions, both
// rings. SDM Vol. 2: MOV CR, MOV DR, LMSW, SMSW, CLTS, INVLPG, INVD, WBINVD; Vol. 3A, sections 2.5 and 17.2.
#include "probe.h"

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();

    EXPECT_PRIVILEGED("", "mov eax, cr0");
    EXPECT_PRIVILEGED("", "mov eax, cr2");
    EXPECT_PRIVILEGED("", "mov eax, cr3");
    EXPECT_PRIVILEGED("", "mov eax, cr4");
    EXPECT_PRIVILEGED("", "clts");
    EXPECT_PRIVILEGED("", "invlpg [eax]");
    EXPECT_PRIVILEGED("", "wbinvd");
    EXPECT(3, "", "invd", VECTOR_GP, 0);
    EXPECT(3, "", "mov cr0, eax", VECTOR_GP, 0);
    EXPECT(3, "", "mov cr2, eax", VECTOR_GP, 0);
    EXPECT(3, "", "mov cr3, eax", VECTOR_GP, 0);
    EXPECT(3, "", "mov cr4, eax", VECTOR_GP, 0);
    EXPECT(3, "", "lmsw ax", VECTOR_GP, 0);
    EXPECT(3, "", "hlt", VECTOR_GP, 0);
    EXPECT(0, "", ".byte 0x0F, 0x20, 0xC8", VECTOR_UD, 0);  // there is no CR1
    EXPECT(0, "", ".byte 0x0F, 0x22, 0xE8", VECTOR_UD, 0);  // nor CR5

    // CR0: the bits that may be toggled here.
    EXPECT_NO_FAULT(0, "mov eax, cr0; mov ebx, eax; xor eax, 0x1000E; mov cr0, eax",
                    "mov ecx, cr0; mov cr0, ebx");
    check("MP, EM, TS and WP toggle", last.ecx ^ last.ebx, 0x1000E);

    EXPECT_NO_FAULT(0, "mov eax, 0x12345678; mov cr2, eax", "mov ecx, cr2");
    check("CR2 holds anything", last.ecx, 0x12345678);
    EXPECT_NO_FAULT(0, "mov eax, 0x00ABC018; mov cr3, eax", "mov ecx, cr3; xor eax, eax; mov cr3, eax");
    check("CR3 holds a page and PWT, PCD", last.ecx, 0x00ABC018);
    EXPECT_NO_FAULT(0, "mov eax, cr4; mov ebx, eax; xor eax, 0x9C; mov cr4, eax",
                    "mov ecx, cr4; mov cr4, ebx");
    check("TSD, DE, PSE, PGE toggle", last.ecx ^ last.ebx, 0x9C);

    // The machine status word: CR0's low half.
    for (int ring = 0; ring <= 3; ring += 3) {
        with.eax = 0xAAAAAAAA;
        EXPECT_NO_FAULT(ring, "", "smsw ax");
        check("smsw r16", last.eax, 0xAAAA0000 | (read_cr0() & 0xFFFF));
        EXPECT_NO_FAULT(ring, "", "smsw eax");
        check("smsw r32, low half", last.eax & 0xFFFF, read_cr0() & 0xFFFF);
        static u32 word;
        word = 0xBBBBBBBB;
        with.ebx = (u32)&word;
        EXPECT_NO_FAULT(ring, "", "smsw word ptr [ebx]");
        check("smsw m16", word, 0xBBBB0000 | (read_cr0() & 0xFFFF));
    }
    const u32 before = read_cr0();
    EXPECT_NO_FAULT(0, "mov eax, 0xF", "lmsw ax; mov ecx, cr0");
    check("lmsw sets MP, EM, TS", last.ecx & 0xF, 0xF);
    EXPECT_NO_FAULT(0, "mov eax, 0", "lmsw ax; mov ecx, cr0");
    check("lmsw clears them, but not PE", last.ecx & 0xF, CR0_PE);
    EXPECT_NO_FAULT(0, "mov eax, 0xFFF9", "lmsw ax; mov ecx, cr0");
    check("lmsw reaches four bits only", last.ecx & 0xFFF0, before & 0xFFF0);
    static u16 word16 = 0;
    with.ebx = (u32)&word16;
    EXPECT_NO_FAULT(0, "", "lmsw word ptr [ebx]; mov ecx, cr0");
    check("lmsw m16", last.ecx & 0xE, 0);
    EXPECT_NO_FAULT(0, "mov eax, cr0; or eax, 8; mov cr0, eax", "clts; mov ecx, cr0");
    check("clts", last.ecx & CR0_TS, 0);
    write_cr0(before);

    EXPECT(0, "", ".byte 0x0F, 0x01, 0xF8", VECTOR_UD, 0);  // swapgs, which is not of this mode

    // Debug registers.
    EXPECT_PRIVILEGED("", "mov eax, dr0");
    EXPECT_PRIVILEGED("", "mov eax, dr3");
    EXPECT_PRIVILEGED("", "mov eax, dr6");
    EXPECT_PRIVILEGED("", "mov eax, dr7");
    EXPECT(3, "", "mov dr0, eax", VECTOR_GP, 0);
    EXPECT(3, "", "mov dr7, eax", VECTOR_GP, 0);
    EXPECT_NO_FAULT(
        0,
        "mov eax, 0xDEADBEEF; mov dr0, eax; inc eax; mov dr1, eax; inc eax; mov dr2, eax; inc eax; "
        "mov dr3, eax",
        "mov eax, dr0; mov ebx, dr1; mov ecx, dr2; mov edx, dr3");
    check("DR0", last.eax, 0xDEADBEEF);
    check("DR1", last.ebx, 0xDEADBEF0);
    check("DR2", last.ecx, 0xDEADBEF1);
    check("DR3", last.edx, 0xDEADBEF2);
    EXPECT_NO_FAULT(0, "xor eax, eax; mov dr6, eax; mov dr7, eax", "mov eax, dr6; mov ebx, dr7");
    check("DR6's fixed ones", last.eax, 0xFFFF0FF0);
    check("DR7's fixed one", last.ebx, 0x400);
    EXPECT_NO_FAULT(0, "", "mov eax, dr4; mov ebx, dr5");  // DR6 and DR7 under other names while CR4.DE is 0
    check("DR4 is DR6", last.eax, 0xFFFF0FF0);
    EXPECT(0, "mov eax, cr4; or eax, 8; mov cr4, eax", "mov eax, dr4", VECTOR_UD, 0);
    write_cr4(read_cr4() & ~(u32)CR4_DE);
    finish();
}
