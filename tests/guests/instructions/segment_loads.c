// mov, pop, lds, les, lss, lfs and lgs: which selectors each segment register takes at each ring, and what it
// says about the others.  SDM Vol. 2: MOV, POP, LDS; Vol. 3A, sections 5.6 and 5.7.
#include "descriptors.h"
#include "probe.h"

struct attempt {
    u16 selector;
    u8 ring, vector;
    u16 error;
};

static const struct attempt data_attempts[] = {
    {0, 0, NO_FAULT, 0},
    {0, 3, NO_FAULT, 0},
    {3, 0, NO_FAULT, 0},
    {3, 3, NO_FAULT, 0},
    {KERNEL_DATA, 0, NO_FAULT, 0},
    {KERNEL_DATA, 3, VECTOR_GP, KERNEL_DATA},
    {KERNEL_DATA | 3, 0, VECTOR_GP, KERNEL_DATA},
    {KERNEL_DATA | 3, 3, VECTOR_GP, KERNEL_DATA},
    {FLAT_DATA3, 0, NO_FAULT, 0},
    {FLAT_DATA3, 3, NO_FAULT, 0},
    {FLAT_DATA3 | 3, 0, NO_FAULT, 0},
    {FLAT_DATA3 | 3, 3, NO_FAULT, 0},
    {READ_ONLY3 | 3, 0, NO_FAULT, 0},
    {READ_ONLY3 | 3, 3, NO_FAULT, 0},
    {EXECUTE_ONLY3 | 3, 0, VECTOR_GP, EXECUTE_ONLY3},
    {EXECUTE_ONLY3 | 3, 3, VECTOR_GP, EXECUTE_ONLY3},
    {CODE3 | 3, 0, NO_FAULT, 0},
    {CODE3 | 3, 3, NO_FAULT, 0},
    {CONFORMING0, 0, NO_FAULT, 0},
    {CONFORMING0 | 3, 3, NO_FAULT, 0},
    {ABSENT3 | 3, 0, VECTOR_NP, ABSENT3},
    {ABSENT3 | 3, 3, VECTOR_NP, ABSENT3},
    {LDT_SYSTEM, 0, VECTOR_GP, LDT_SYSTEM},
    {LDT_USER | 3, 3, VECTOR_GP, LDT_USER},
    {TSS_SELECTOR, 0, VECTOR_GP, TSS_SELECTOR},
    {CALL_GATE3 | 3, 3, VECTOR_GP, CALL_GATE3},
    {BEYOND, 0, VECTOR_GP, BEYOND},
    {BEYOND | 3, 3, VECTOR_GP, BEYOND},
    {0xFFFB, 0, VECTOR_GP, 0xFFF8},
    {0xFFFB, 3, VECTOR_GP, 0xFFF8},
    {0x0C, 0, VECTOR_GP, 0x0C},
    {0x0F, 3, VECTOR_GP, 0x0C},  // no LDT is loaded
    {DATA1 | 1, 0, NO_FAULT, 0},
    {DATA1 | 1, 3, VECTOR_GP, DATA1},
    // The selectors that a Linux host would load without a word:
    {0x23, 3, NO_FAULT, 0},
    {0x2B, 3, VECTOR_GP, 0x28},
    {0x33, 3, NO_FAULT, 0},
    {0x7B, 3, VECTOR_GP, 0x78},
};

static const struct attempt stack_attempts[] = {
    {0, 0, VECTOR_GP, 0},
    {0, 3, VECTOR_GP, 0},
    {3, 3, VECTOR_GP, 0},
    {KERNEL_DATA, 0, NO_FAULT, 0},
    {KERNEL_DATA, 3, VECTOR_GP, KERNEL_DATA},
    {KERNEL_DATA | 3, 0, VECTOR_GP, KERNEL_DATA},
    {KERNEL_DATA | 3, 3, VECTOR_GP, KERNEL_DATA},
    {FLAT_DATA3, 0, VECTOR_GP, FLAT_DATA3},
    {FLAT_DATA3, 3, VECTOR_GP, FLAT_DATA3},
    {FLAT_DATA3 | 3, 0, VECTOR_GP, FLAT_DATA3},
    {FLAT_DATA3 | 3, 3, NO_FAULT, 0},
    {READ_ONLY0, 0, VECTOR_GP, READ_ONLY0},
    {READ_ONLY3 | 3, 3, VECTOR_GP, READ_ONLY3},
    {KERNEL_CODE, 0, VECTOR_GP, KERNEL_CODE},
    {CODE3 | 3, 3, VECTOR_GP, CODE3},
    {ABSENT_STACK0, 0, VECTOR_SS, ABSENT_STACK0},
    {ABSENT3 | 3, 3, VECTOR_SS, ABSENT3},
    {LDT_SYSTEM, 0, VECTOR_GP, LDT_SYSTEM},
    {LDT_USER | 3, 3, VECTOR_GP, LDT_USER},
    {BEYOND, 0, VECTOR_GP, BEYOND},
    {BEYOND | 3, 3, VECTOR_GP, BEYOND},
};

static u32 far_pointer[2];
static u32 what_ds(void) {
    return last.ds;
}
static u32 what_es(void) {
    return last.es;
}
static u32 what_fs(void) {
    return last.fs;
}
static u32 what_gs(void) {
    return last.gs;
}
static u32 what_ss(void) {
    return last.ecx;
}  // the snippets for SS read it back into ECX

static void attempt_all(struct snippet code, u32 (*loaded)(void), const struct attempt* list,
                        unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
        const struct attempt a = list[i];
        descriptors_init();
        far_pointer[0] = 0xABCD1234;
        far_pointer[1] = a.selector;
        with.ecx = a.selector;
        with.ebx = (u32)far_pointer;
        expect(a.ring, code, a.vector, a.error);
        if (a.vector == NO_FAULT) check_quietly("the selector loaded", loaded() & 0xFFFF, a.selector);
    }
}
#define DATA(text, what) \
    attempt_all(SNIPPET("", text), what, data_attempts, sizeof data_attempts / sizeof *data_attempts)
#define STACK(setup, text) \
    attempt_all(SNIPPET(setup, text), what_ss, stack_attempts, sizeof stack_attempts / sizeof *stack_attempts)

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();

    DATA("mov ds, ecx", what_ds);
    DATA("mov es, cx", what_es);
    DATA("mov fs, word ptr [ebx + 4]", what_fs);
    DATA("mov gs, ecx", what_gs);
    DATA("lds eax, [ebx]", what_ds);
    DATA("les eax, [ebx]", what_es);
    DATA("lfs eax, [ebx]", what_fs);
    DATA("lgs eax, [ebx]", what_gs);
    STACK("", "mov ss, ecx; mov ecx, ss");
    STACK("", "mov ss, word ptr [ebx + 4]; mov ecx, ss");
    // lss loads ESP as well: the pointer is put where the stack already is.
    STACK("mov [ebx], esp", "lss esp, [ebx]; mov ecx, ss");

    descriptors_init();
    struct {
        const char* name;
        struct snippet code;
        u32 (*what)(void);
    } pops[] = {
        {"pop ds", SNIPPET("push ecx", "pop ds"), what_ds},
        {"pop es", SNIPPET("push ecx", "pop es"), what_es},
        {"pop fs", SNIPPET("push ecx", "pop fs"), what_fs},
        {"pop gs", SNIPPET("push ecx", "pop gs"), what_gs},
    };
    for (unsigned i = 0; i < 4; ++i)
        for (int ring = 0; ring <= 3; ring += 3) {
            with.ecx = 0xDEAD0000 | FLAT_DATA3 | 3;  // the high half is ignored
            expect(ring, pops[i].code, NO_FAULT, 0);
            check_quietly(pops[i].name, pops[i].what() & 0xFFFF, FLAT_DATA3 | 3);
            check_quietly("pop moves ESP back", last.esp, probe_stack_top(ring));
            with.ecx = ABSENT3 | 3;
            expect(ring, pops[i].code, VECTOR_NP, ABSENT3);
            check_quietly("a pop that faults leaves ESP", last.esp, probe_stack_top(ring) - 4);
            with.ecx = BEYOND;
            expect(ring, pops[i].code, VECTOR_GP, BEYOND);
        }
    with.ecx = USER_DATA;
    EXPECT_NO_FAULT(3, "push ecx", "pop ss; mov eax, ss");
    check("pop ss", last.eax, USER_DATA);
    with.ecx = KERNEL_DATA;
    EXPECT(3, "push ecx", "pop ss", VECTOR_GP, KERNEL_DATA);
    // The 16-bit forms move ESP by 2.
    with.ecx = USER_DATA;
    EXPECT_NO_FAULT(3, "push cx", ".byte 0x66; pop ds; mov eax, esp");
    check("popw ds moves ESP back", last.eax, probe_stack_top(3));
    check("popw ds", last.ds & 0xFFFF, USER_DATA);

    // Loads that succeed set Accessed, those that fail do not (an accessed null is no memory).
    descriptors_init();
    with.ecx = FLAT_DATA3;
    EXPECT_NO_FAULT(3, "", "mov ds, ecx");
    check("Accessed after a load", (u32)(*gdt_slot(FLAT_DATA3) >> 40) & 1, 1);
    check("Accessed without one", (u32)(*gdt_slot(READ_ONLY3) >> 40) & 1, 0);

    // lds gives the offset to the general register, in both sizes; a fault leaves it alone.
    far_pointer[0] = 0xABCD1234;
    far_pointer[1] = FLAT_DATA3;
    with.ebx = (u32)far_pointer;
    EXPECT_NO_FAULT(3, "", "les eax, [ebx]");
    check("les offset", last.eax, 0xABCD1234);
    far_pointer[0] = (FLAT_DATA3 << 16) | 0x5678;
    with.ebx = (u32)far_pointer;
    EXPECT_NO_FAULT(3, "mov eax, -1", "les ax, [ebx]");
    check("les with 16 bits", last.eax, 0xFFFF5678);
    far_pointer[0] = 0xABCD1234;
    far_pointer[1] = BEYOND;
    with.ebx = (u32)far_pointer;
    EXPECT(3, "mov eax, 7", "lfs eax, [ebx]", VECTOR_GP, BEYOND);
    check("lfs that faults", last.eax, 7);
    EXPECT(3, "", ".byte 0xC5, 0xC0", VECTOR_UD, 0);        // lds with a register operand
    EXPECT(3, "", ".byte 0x0F, 0xB2, 0xC0", VECTOR_UD, 0);  // lss

    // A segment register keeps its descriptor when the table changes: the cache, SDM Vol. 3A, section 3.4.3.
    descriptors_init();
    static u32 where = 0x11223344;
    *gdt_slot(FLAT_DATA3) =
        make_descriptor((u32)&where, 0xFFFFF, ACCESS_DATA | ACCESS_DPL3, SEGMENT_32BIT | SEGMENT_4K);
    with.edi = (u32)gdt_slot(FLAT_DATA3);
    with.ecx = FLAT_DATA3;
    EXPECT_NO_FAULT(0, "mov fs, ecx; mov dword ptr [edi], 0; mov dword ptr [edi + 4], 0", "mov eax, fs:[0]");
    check("the descriptor cache outlives its slot", last.eax, 0x11223344);

    // Returning to an outer ring clears data segment registers that it may not have, SDM Vol. 2: IRET.
    EXPECT_NO_FAULT(3, "", "mov eax, fs; mov ecx, gs");
    check("fs and gs are null in ring 3", last.eax | last.ecx, 0);
    finish();
}
