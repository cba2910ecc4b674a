// What the architecture says and QEMU TCG does not do, so that the guest's own checks must suffice:
// instructions that CPUID denies (#UD), values that a register does not take (#GP(0)), int1, a call gate to
// conforming code. SDM Vol. 2: SYSENTER, SYSEXIT, RDMSR, LTR, MOV CR, INT1, CALL; AMD APM Vol. 3: SYSCALL,
// SYSRET.
#include "descriptors.h"
#include "probe.h"

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    descriptors_init();
    const bool fast_calls = cpuid(1, 0).edx & 0x800;  // where they exist, their MSR of 0 makes them #GP(0)
    const unsigned vector = fast_calls ? VECTOR_GP : VECTOR_UD;
    for (int ring = 0; ring <= 3; ring += 3) {
        EXPECT(ring, "", "sysenter", vector, 0);
        EXPECT(ring, "", "sysexit", vector, 0);
        EXPECT(ring, "", "syscall", VECTOR_UD, 0);
        EXPECT(ring, "", ".byte 0x0F, 0x07", VECTOR_UD, 0);  // sysret
    }
    EXPECT(0, "xor eax, eax", "ltr ax", VECTOR_GP, 0);
    EXPECT(0, "mov ecx, 0x4321", "rdmsr", VECTOR_GP, 0);
    // The time-stamp counter can be set, and the difference is kept in IA32_TSC_ADJUST.
    static const struct { u32 msr, before; } kClocks[] = {{0x10, 1}, {0x3B, 0}};
    for (u32 i = 0; i < 2; ++i) {
        EXPECT_NO_FAULT(0, "", "rdtsc");
        with.ecx = kClocks[i].msr;
        EXPECT_NO_FAULT(0, "", "wrmsr; rdtsc; mov ebx, edx; mov ecx, 0x3B; rdmsr");
        check(i ? "and set back" : "the TSC began anew", (last.ebx == 0) == kClocks[i].before, 1);
        check("IA32_TSC_ADJUST", (last.edx | last.eax) != 0, kClocks[i].before);
    }
    EXPECT(0, "mov ecx, 0x4321", "wrmsr", VECTOR_GP, 0);
    EXPECT(3, "mov ecx, 0x4321", "rdmsr", VECTOR_GP, 0);
    EXPECT(0, "mov eax, cr0; and eax, ~1; or eax, 0x80000000", "mov cr0, eax", VECTOR_GP,
           0);  // PG without PE
    EXPECT(0, "mov eax, cr0; and eax, ~0x40000000; or eax, 0x20000000", "mov cr0, eax", VECTOR_GP,
           0);  // NW, no CD
    EXPECT(0, "mov eax, cr4; or eax, 0x80000000", "mov cr4, eax", VECTOR_GP, 0);

    expect_trap(3, SNIPPET("", ".byte 0xF1"), VECTOR_DB, 1);  // int1 asks for no privilege
    expect_trap(0, SNIPPET("", ".byte 0xF1"), VECTOR_DB, 1);

    const struct snippet target = SNIPPET("", "nop");
    *gdt_slot(CALL_GATE3) = make_gate(CONFORMING0, (u32)target.start, ACCESS_CALL_GATE | ACCESS_DPL3, 0);
    PROBE(3, "", ".byte 0x9A; .long 0; .word 0x93");
    check("a gate to conforming code stays in ring 3", last.cs, CONFORMING0 | 3);
    finish();
}
