// FPU, MMX and SSE instructions with their operand where it cannot be mapped: in the memory of a device (the
// text screen's), in the lowest pages, and across the edges of such pages.  What they leave
// must be what the same instructions leave in plain memory.  SDM Vol. 1, chapters 8 to 12.
#include "window.h"

enum { SCREEN = 0xB8000, LOW = 0x6000 };
enum { IMAGE = 0x400 };

static u8 plain[PAGE_SIZE] __attribute__((aligned(4096)));

static void fill(u8* place) {
    for (u32 i = 0; i < IMAGE; i += 4) *(volatile u32*)(place + i) = 0x3F9A0411u + i * 0x01030507u;
}

static void same(int ring, u8* place, struct snippet code) {
    fill(plain);
    with.ebx = (u32)plain, with.edi = (u32)plain + 16;
    probe(ring, code);
    check_quietly("in plain memory", last.vector, NO_FAULT);
    const struct trap_frame there = last;
    fill(place);
    with.ebx = (u32)place, with.edi = (u32)place + 16;
    expect(ring, code, NO_FAULT, 0);
    for (u32 i = 0; i < IMAGE; ++i) check_quietly("memory", i << 16 | place[i], i << 16 | plain[i]);
    check_quietly("eax", last.eax, there.eax);
    check_quietly("ecx", last.ecx, there.ecx);
    check_quietly("flags", last.eflags, there.eflags);
}
#define SAME(instructions) same(ring, place, SNIPPET("fninit", instructions))

static void accesses(int ring, u8* place) {
    // x87: every width of floating-point, integer and decimal numbers, and the state.
    SAME("fld dword ptr [ebx]; fadd qword ptr [ebx + 9]; fstp tbyte ptr [ebx + 51]");
    SAME("fldpi; fst dword ptr [ebx + 3]; fst qword ptr [ebx + 8]; fstp tbyte ptr [ebx + 17]");
    SAME("fldpi; fstp tbyte ptr [ebx]; fld tbyte ptr [ebx]; fstp qword ptr [ebx + 64]");
    SAME(
        "fild word ptr [ebx + 1]; fimul dword ptr [ebx + 2]; fist dword ptr [ebx + 40]; "
        "fistp qword ptr [ebx + 48]");
    SAME("fild word ptr [ebx]; fbstp [ebx + 32]; fbld [ebx + 32]; fistp word ptr [ebx]");
    SAME("fldpi; fcomp dword ptr [ebx]; fnstsw [ebx + 2]; fnstcw [ebx + 4]; fnstsw ax");
    SAME("fnstcw [ebx]; and byte ptr [ebx], 0xC0; or byte ptr [ebx], 0x3F; fldcw [ebx]; fnstcw [ebx + 8]");
    SAME(
        "fld1; fldpi; fnsave [ebx + 5]; frstor [ebx + 5]; fstp qword ptr [ebx + 256]; "
        "fstp qword ptr [ebx + 264]; mov dword ptr [ebx + 17], 0; mov dword ptr [ebx + 21], 0; "
        "mov dword ptr [ebx + 25], 0; mov dword ptr [ebx + 29], 0");  // pointers of the last instruction
    SAME(
        "fld1; mov eax, [ebx + ecx * 4 + 8]; fstp dword ptr [ebx + ecx * 4 + 8]; fld1; "
        "fadd dword ptr ss:[ebx + 8]; fstp dword ptr es:[ebx]; emms");
    // MMX
    SAME(
        "movq mm1, [ebx + 1]; paddb mm1, [ebx]; movq [ebx + 16], mm1; punpcklbw mm1, [ebx + 2]; "
        "movntq [ebx + 24], mm1; movd [ebx + 60], mm1; pinsrw mm1, [ebx + 9], 2; movq [ebx + 96], mm1; emms");
    SAME("movq mm0, [ebx]; movq mm1, [ebx + 8]; maskmovq mm0, mm1; emms");
    // SSE and SSE2
    SAME(
        "movups xmm2, [ebx + 3]; movups [ebx + 33], xmm2; movaps xmm3, [ebx]; movaps [ebx + 16], xmm3; "
        "movss [ebx + 52], xmm3; movsd [ebx + 65], xmm2; movlps [ebx + 80], xmm3; movhpd [ebx + 88], xmm3");
    SAME(
        "movdqu xmm0, [ebx + 7]; paddd xmm0, [ebx + 32]; movdqa [ebx + 48], xmm0; movq [ebx + 3], xmm0; "
        "movd [ebx + 12], xmm0; movntdq [ebx + 112], xmm0; cvtdq2ps xmm1, [ebx]; movntps [ebx + 128], xmm1");
    SAME(
        "pxor xmm1, xmm1; cvtsi2sd xmm1, dword ptr [ebx + 2]; movsd [ebx + 8], xmm1; cvttsd2si eax, [ebx + "
        "8]; "
        "ucomiss xmm1, [ebx]; shufps xmm1, [ebx + 16], 0x1B; movups [ebx + 200], xmm1");
    SAME("movdqu xmm0, [ebx]; movdqu xmm1, [ebx + 8]; maskmovdqu xmm0, xmm1");
    SAME("stmxcsr [ebx + 6]; and word ptr [ebx + 6], 0; or word ptr [ebx + 6], 0x1F80; ldmxcsr [ebx + 6]");
    SAME(
        "pcmpeqb xmm7, xmm7; fxsave [ebx]; pxor xmm7, xmm7; fxrstor [ebx]; movups [ebx + 528], xmm7; "
        "xor eax, eax; mov ecx, 4; lea edi, [ebx + 8]; rep stosd");
    // Memory is changed by none of these.
    with.ebx = (u32)place;
    EXPECT(ring, "", "movaps xmm3, [ebx + 8]", VECTOR_GP, 0);
    with.ebx = (u32)place;
    EXPECT(ring, "", "movaps [ebx + 8], xmm3", VECTOR_GP, 0);
}

/// Stores and loads that reach over the edge of a page, into a device or out of it.
static void edges(int ring, u8* edge) {
    for (u32 i = 0; i < 16; ++i) edge[(int)i - 8] = (u8)(i + 1);
    with.ebx = (u32)edge;
    EXPECT_NO_FAULT(ring, "fninit", "movups xmm0, [ebx - 8]; paddb xmm0, xmm0; movups [ebx - 7], xmm0");
    check("before the edge", *(volatile u32*)(edge - 7), 0x08060402);
    check("behind the edge", *(volatile u32*)(edge + 5), 0x201E1C1A);
    with.ebx = (u32)edge;
    EXPECT_NO_FAULT(ring, "fninit",
                    "fld1; fstp tbyte ptr [ebx - 3]; fld tbyte ptr [ebx - 3]; "
                    "fistp dword ptr [ebx - 2]; mov eax, [ebx - 2]");
    check("fld", last.eax, 1);
}

/// ... into a page that is absent, or that must not be written: nothing is stored, nothing popped.
static void refused(int ring, u8* edge, u32 present, u32 user) {
    const u32 error = present | user;
    *(volatile u32*)(edge - 4) = 0x12345678;
    with.ebx = (u32)edge;
    EXPECT(ring, "fninit; fld1", "fstp tbyte ptr [ebx - 4]", VECTOR_PF, error | PF_W);
    check("CR2", last_cr2, (u32)edge);
    EXPECT_NO_FAULT(ring, "", "fistp dword ptr [esp - 16]; mov eax, [esp - 16]");
    check("still on the FPU's stack", last.eax, 1);
    with.ebx = (u32)edge;
    EXPECT(ring, "", "movups [ebx - 4], xmm0", VECTOR_PF, error | PF_W);
    check("CR2", last_cr2, (u32)edge);
    check("nothing is stored", *(volatile u32*)(edge - 4), 0x12345678);
    if (present) return;
    with.ebx = (u32)edge;
    EXPECT(ring, "", "movups xmm0, [ebx - 4]", VECTOR_PF, error);
    check("CR2", last_cr2, (u32)edge);
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    write_cr0((read_cr0() & ~(u32)(CR0_TS | CR0_EM)) | CR0_NE | CR0_MP);
    write_cr4(read_cr4() | CR4_OSFXSR);
    for (int ring = 0; ring <= 3; ring += 3) {
        accesses(ring, (u8*)SCREEN);
        accesses(ring, (u8*)LOW);
    }
    window_init(PAGE_P | PAGE_W | PAGE_U);
    window_map(0, frame_alloc(), RW);
    window_map(1, SCREEN, RW);
    window_map(2, frame_alloc(), RW);
    window_map(3, SCREEN + PAGE_SIZE, RW);
    window_map(4, 0, 0);
    window_map(5, SCREEN, RW);
    window_map(6, frame_alloc(), PAGE_P | PAGE_U);
    write_cr0(read_cr0() | CR0_WP);
    for (int ring = 0; ring <= 3; ring += 3) {
        const u32 user = ring ? PF_U : 0;
        accesses(ring, window(1));
        edges(ring, window(1));
        edges(ring, window(2));
        refused(ring, window(4), 0, user);
        refused(ring, window(6), PF_P, user);
    }
    // The store marks its page as written.
    *window_entry(5) &= ~(u32)(PAGE_A | PAGE_D);
    invlpg(window(5));
    EXPECT_NO_FAULT(0, "mov ebx, 0x40005000", "movups xmm0, [ebx]");
    check("Accessed", *window_entry(5) & (PAGE_A | PAGE_D), PAGE_A);
    EXPECT_NO_FAULT(3, "mov ebx, 0x40005000", "movups [ebx], xmm0");
    check("Accessed and Dirty", *window_entry(5) & (PAGE_A | PAGE_D), PAGE_A | PAGE_D);
    // Single steps see the instruction as one.
    with.ebx = (u32)window(1);
    expect_trap(3, SNIPPET("pushfd; or dword ptr [esp], 0x100; popfd", "movups [ebx + 1], xmm0"), VECTOR_DB,
                4);
    finish();
}
