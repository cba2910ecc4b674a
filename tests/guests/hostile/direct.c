// Far transfers to the selectors that mean something on a 64-bit Linux host: 0x33 (64-bit code), 0x23 (flat
// 32-bit code) and 0x2B (data).  In this guest's table they are a data segment, the TSS and nothing: each is
// the ordinary #GP, from user and kernel code, by every instruction that can name a code segment.
#include "probe.h"

static u32 far_pointer[2];

static void attempts(int ring, u16 selector) {
    const u32 error = selector & ~3u;
    print("selector %x\n", selector);
    with.eax = selector;
    EXPECT(ring, "push eax; push offset 772f", "retf", VECTOR_GP, error);
    with.eax = selector;
    EXPECT(ring, "push eax; push offset 772f; sub esp, 4; add esp, 4", "retf 8", VECTOR_GP, error);
    with.eax = selector;
    EXPECT(ring, "push 0x2B; push esp; pushfd; push eax; push offset 772f", "iretd", VECTOR_GP, error);
    far_pointer[1] = selector;
    with.ebx = (u32)far_pointer;
    EXPECT(ring, "", "jmp fword ptr [ebx]", VECTOR_GP, error);
    with.ebx = (u32)far_pointer;
    EXPECT(ring, "", "call fword ptr [ebx]", VECTOR_GP, error);
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    for (int ring = 0; ring <= 3; ring += 3)
        for (u16 selector = 0x23; selector <= 0x33; selector += 8) attempts(ring, selector);
    EXPECT(0, "", ".byte 0xEA; .long 0; .word 0x33", VECTOR_GP, 0x30);
    EXPECT(0, "", ".byte 0x9A; .long 0; .word 0x33", VECTOR_GP, 0x30);
    finish();
}
