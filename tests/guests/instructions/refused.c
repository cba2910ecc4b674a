// Instructions that CPUID says are not there: #UD at both rings.  Values that a register does not take: #GP(0).
// SDM Vol. 2: SYSENTER, SYSEXIT, RDMSR, LTR, MOV CR; AMD APM Vol. 3: SYSCALL, SYSRET.
#include "probe.h"

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    for (int ring = 0; ring <= 3; ring += 3) {
        EXPECT(ring, "", "sysenter", VECTOR_UD, 0);
        EXPECT(ring, "", "sysexit", VECTOR_UD, 0);
        EXPECT(ring, "", "syscall", VECTOR_UD, 0);
        EXPECT(ring, "", ".byte 0x0F, 0x07", VECTOR_UD, 0);  // sysret
    }
    EXPECT(0, "xor eax, eax", "ltr ax", VECTOR_GP, 0);
    EXPECT(0, "mov ecx, 0x4321", "rdmsr", VECTOR_GP, 0);
    EXPECT(0, "mov ecx, 0x4321", "wrmsr", VECTOR_GP, 0);
    EXPECT(3, "mov ecx, 0x4321", "rdmsr", VECTOR_GP, 0);
    EXPECT(0, "mov eax, cr0; and eax, ~1; or eax, 0x80000000", "mov cr0, eax", VECTOR_GP, 0);      // PG without PE
    EXPECT(0, "mov eax, cr0; and eax, ~0x40000000; or eax, 0x20000000", "mov cr0, eax", VECTOR_GP, 0);  // NW, no CD
    EXPECT(0, "mov eax, cr4; or eax, 0x80000000", "mov cr4, eax", VECTOR_GP, 0);
    finish();
}
