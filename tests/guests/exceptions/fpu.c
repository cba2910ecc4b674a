// When floating point, MMX and SSE instructions fault: CR0.TS, EM, MP and CR4.OSFXSR; a pending x87 error;
// and a kernel that switches the FPU lazily.  SDM Vol. 3A, table 2-2 and section 13.1.
#include "probe.h"

static u32 lazy_switches;
static struct trap_frame* lazy(struct trap_frame* f) {
    ++lazy_switches;
    __asm__ volatile("clts");
    return f;
}

static void set_cr0(u32 bits) {
    write_cr0((read_cr0() & ~(u32)(CR0_TS | CR0_EM | CR0_MP)) | CR0_NE | bits);
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    for (int ring = 0; ring <= 3; ring += 3) {
        write_cr4(read_cr4() | CR4_OSFXSR);
        set_cr0(CR0_MP);
        EXPECT_NO_FAULT(ring, "fninit", "fld1; fistp dword ptr [esp - 16]; mov eax, [esp - 16]");
        check("fld1", last.eax, 1);
        EXPECT_NO_FAULT(ring, "mov eax, 7", "movd mm0, eax; movd ecx, mm0; emms");
        check("movd", last.ecx, 7);
        EXPECT_NO_FAULT(ring, "", "xorps xmm0, xmm0");
        EXPECT_NO_FAULT(ring, "", "fwait");

        set_cr0(CR0_TS | CR0_MP);
        EXPECT(ring, "", "fld1", VECTOR_NM, 0);
        EXPECT(ring, "", "fnstsw ax", VECTOR_NM, 0);
        EXPECT(ring, "", "fwait", VECTOR_NM, 0);
        EXPECT(ring, "", "movd mm0, eax", VECTOR_NM, 0);
        EXPECT(ring, "", "xorps xmm0, xmm0", VECTOR_NM, 0);
        EXPECT(ring, "mov ebx, esp; and ebx, -16", "fxsave [ebx - 1024]", VECTOR_NM, 0);
        EXPECT(ring, "", "fnsave [esp - 128]", VECTOR_NM, 0);
        EXPECT_NO_FAULT(ring, "", "prefetchnta [esp]; sfence");
        set_cr0(CR0_TS);
        EXPECT_NO_FAULT(ring, "", "fwait");  // without MP, TS does not concern it
        EXPECT(ring, "", "fld1", VECTOR_NM, 0);

        set_cr0(CR0_EM);
        EXPECT(ring, "", "fld1", VECTOR_NM, 0);
        EXPECT(ring, "", "movd mm0, eax", VECTOR_UD, 0);
        EXPECT(ring, "", "xorps xmm0, xmm0", VECTOR_UD, 0);
        EXPECT_NO_FAULT(ring, "", "fwait");
        set_cr0(CR0_MP);
        write_cr4(read_cr4() & ~(u32)CR4_OSFXSR);
        EXPECT(ring, "", "xorps xmm0, xmm0", VECTOR_UD, 0);
        EXPECT_NO_FAULT(ring, "", "fld1; fstp st(0)");
        write_cr4(read_cr4() | CR4_OSFXSR);

        // 1 / 0 with the exception unmasked: reported by the next waiting instruction.
        EXPECT(ring, "fninit; push 0x37B; fldcw [esp]; pop eax; fld1; fldz; fdivp", "fwait", VECTOR_MF, 0);
        EXPECT_NO_FAULT(ring, "", "fnclex; fninit");
    }

    // A program's FPU state survives the trip through a kernel that sets TS at every switch.
    set_handler(VECTOR_NM, lazy);
    set_cr0(CR0_MP);
    EXPECT_NO_FAULT(3, "fninit", "fld1; fadd st(0), st(0)");
    for (u32 i = 0; i < 5; ++i) {
        set_cr0(CR0_MP | CR0_TS);
        EXPECT_NO_FAULT(3, "", "fadd st(0), st(0); fist dword ptr [esp - 16]; mov eax, [esp - 16]");
        check("doubled", last.eax, 4u << i);
    }
    check("lazy switches", lazy_switches, 5);
    finish();
}
