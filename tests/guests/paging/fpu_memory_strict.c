// Operands of the FPU, MMX and SSE where there is no memory, which reads as ones and keeps nothing; in the
// local APIC; and exceptions of their own with an operand in a device's memory.  SDM Vol. 1, sections 8.6 and
// 11.5.2.
#include "window.h"

enum { SCREEN = 0xB8000, ABSENT = 0xF0000000 };

static void absent(int ring) {
    with.ebx = ABSENT;
    EXPECT_NO_FAULT(ring, "", "mov [ebx], ecx; mov eax, [ebx]");
    check("integer", last.eax, 0xFFFFFFFF);
    with.ebx = ABSENT;
    EXPECT_NO_FAULT(ring, "fninit",
                    "fldz; fst qword ptr [ebx]; fild qword ptr [ebx]; fistp dword ptr [esp - 16]; "
                    "mov eax, [esp - 16]; fstp tbyte ptr [ebx]");
    check("x87", last.eax, 0xFFFFFFFF);
    with.ebx = ABSENT;
    EXPECT_NO_FAULT(ring, "", "pxor mm0, mm0; movq [ebx], mm0; movq mm0, [ebx]; movd eax, mm0; emms");
    check("MMX", last.eax, 0xFFFFFFFF);
    with.ebx = ABSENT;
    EXPECT_NO_FAULT(ring, "",
                    "pxor xmm0, xmm0; movups [ebx + 1], xmm0; movups xmm0, [ebx + 1]; movd eax, xmm0; "
                    "pmovmskb ecx, xmm0; fxsave [ebx]");
    check("SSE", last.eax, 0xFFFFFFFF);
    check("SSE, every byte", last.ecx, 0xFFFF);
    with.ebx = ABSENT;
    EXPECT_NO_FAULT(ring, "mov ecx, esp; mov edx, ebp; mov esp, ebx; lea ebp, [ebx + 64]",
                    "enter 16, 3; mov eax, ebp; mov esp, ecx; mov ebp, edx");
    check("enter", last.eax, ABSENT - 4);
}

static void exceptions(int ring) {
    *(volatile u32*)SCREEN = 0x12345678;
    with.ebx = SCREEN;
    EXPECT(ring, "fninit; push 0x37B; fldcw [esp]; pop eax; fld1; fldz; fdivp", "fst dword ptr [ebx]",
           VECTOR_MF, 0);
    check("nothing is stored", *(volatile u32*)SCREEN, 0x12345678);
    *(volatile u32*)SCREEN = 0xC0000000;
    with.ebx = SCREEN;
    EXPECT(ring, "fninit; push 0x1F00; ldmxcsr [esp]; pop eax", "sqrtss xmm0, [ebx]", VECTOR_XM, 0);
    EXPECT_NO_FAULT(ring, "", "push 0x1F80; ldmxcsr [esp]");
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    write_cr0((read_cr0() & ~(u32)(CR0_TS | CR0_EM)) | CR0_NE | CR0_MP);
    write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
    for (int ring = 0; ring <= 3; ring += 3) {
        absent(ring);
        exceptions(ring);
    }
    EXPECT_NO_FAULT(0, "mov ebx, 0xFEE00000; mov eax, 0x20",
                    "movd xmm0, eax; movss [ebx + 0x80], xmm0; mov ecx, [ebx + 0x80]; "
                    "movups xmm1, [ebx + 0x80]; movd edx, xmm1; mov dword ptr [ebx + 0x80], 0");
    check("the APIC's task priority", last.ecx, 0x20);
    check("the same, read by SSE", last.edx, 0x20);
    finish();
}
