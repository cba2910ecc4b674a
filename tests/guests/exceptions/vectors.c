// One instruction for each exception: the vector, the error code, and EIP at the instruction (faults) or
// behind it (traps).  SDM Vol. 3A, section 6.15.
#include "probe.h"

static u32 read_dr6(void) {
    u32 value;
    __asm__ volatile("movl %%db6, %0" : "=r"(value));
    return value;
}

static const u32 bounds[2] = {10, 20};

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    set_gate_access(VECTOR_BP, ACCESS_INTERRUPT_GATE | ACCESS_DPL3);
    set_gate_access(VECTOR_OF, ACCESS_INTERRUPT_GATE | ACCESS_DPL3);

    for (int ring = 0; ring <= 3; ring += 3) {
        EXPECT(ring, "xor ecx, ecx", "div ecx", VECTOR_DE, 0);
        EXPECT(ring, "mov eax, 0x80000000; cdq; mov ecx, -1", "idiv ecx", VECTOR_DE, 0);
        EXPECT(ring, "mov edx, 2; mov ecx, 1", "div ecx", VECTOR_DE, 0);
        EXPECT(ring, "", "aam 0", VECTOR_DE, 0);
        expect_trap(ring, SNIPPET("", "int3"), VECTOR_BP, 1);
        expect_trap(ring, SNIPPET("", ".byte 0xCD, 3"), VECTOR_BP, 2);
        expect_trap(ring, SNIPPET("mov al, 0x7F; add al, 1", "into"), VECTOR_OF, 1);
        EXPECT_NO_FAULT(ring, "xor eax, eax", "into");
        with.ebx = (u32)bounds;
        EXPECT(ring, "mov eax, 21", "bound eax, [ebx]", VECTOR_BR, 0);
        with.ebx = (u32)bounds;
        EXPECT(ring, "mov eax, 9", "bound eax, [ebx]", VECTOR_BR, 0);
        with.ebx = (u32)bounds;
        EXPECT_NO_FAULT(ring, "mov eax, 20", "bound eax, [ebx]");
        EXPECT(ring, "", "ud2", VECTOR_UD, 0);
        EXPECT(ring, "", ".byte 0x0F, 0xFF, 0xC0", VECTOR_UD, 0);
        EXPECT(ring, "", "lock; nop", VECTOR_UD, 0);
        EXPECT(ring, "", ".byte 0x8D, 0xC0", VECTOR_UD, 0);  // lea with a register operand
        EXPECT(ring, "", ".byte 0x8C, 0xF0", VECTOR_UD, 0);  // mov from segment register 6
        EXPECT(ring, "", ".byte 0x8E, 0xC8", VECTOR_UD, 0);  // mov %eax, %cs
        EXPECT(ring, "", ".byte 0xFE, 0xF8", VECTOR_UD, 0);  // group 4, /7
    }

    // The single-step trap arrives behind the instruction that follows the popf which set TF.
    expect_trap(3, SNIPPET("pushfd; or dword ptr [esp], 0x100; popfd", "nop"), VECTOR_DB, 1);
    check("DR6.BS says single step, ring 3", read_dr6() & 0x4000, 0x4000);
    check("the pushed flags keep TF", last.eflags & EFLAGS_TF, EFLAGS_TF);
    expect_trap(0, SNIPPET("pushfd; or dword ptr [esp], 0x100; popfd", "nop"), VECTOR_DB, 1);

    EXPECT(3, "", "int 13", VECTOR_GP, 13 * 8 + 2);
    EXPECT(3, "", "int 0xFF", VECTOR_GP, 0xFF * 8 + 2);
    finish();
}
