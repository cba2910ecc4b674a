// Page faults whose error code QEMU TCG gets wrong: read-modify-write instructions are writes, and what a far
// transfer does with its stack at ring 3 are user accesses.  SDM Vol. 3A, section 4.7.
#include "window.h"

#define MODIFIES(text)                                                          \
    do {                                                                        \
        for (int ring = 0; ring <= 3; ring += 3) {                              \
            with.ebx = (u32)window(0);                                          \
            EXPECT(ring, "", text, VECTOR_PF, PF_P | PF_W | (ring ? PF_U : 0)); \
            check_quietly("CR2", last_cr2, (u32)window(0));                     \
            with.ebx = (u32)window(1);                                          \
            EXPECT(ring, "", text, VECTOR_PF, PF_W | (ring ? PF_U : 0));        \
            check_quietly("CR2", last_cr2, (u32)window(1));                     \
        }                                                                       \
    } while (0)

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    window_init(PAGE_P | PAGE_W | PAGE_U);
    window_map(0, frame_alloc(), PAGE_P | PAGE_U);  // read only
    window_map(1, 0, 0);                            // absent
    window_map(2, frame_alloc(), RW);

    MODIFIES("lock; inc dword ptr [ebx]");
    MODIFIES("inc dword ptr [ebx]");
    MODIFIES("add [ebx], eax");
    MODIFIES("xchg [ebx], eax");
    MODIFIES("lock; cmpxchg [ebx], ecx");
    MODIFIES("lock; cmpxchg8b [ebx]");
    MODIFIES("bts dword ptr [ebx], 3");
    MODIFIES("shl byte ptr [ebx], 1");

    with.ebx = (u32)window(2);
    EXPECT(3, "mov esp, ebx", ".byte 0x9A; .long 0; .word 0x1B", VECTOR_PF, PF_W | PF_U);
    with.ebx = (u32)window(1);
    EXPECT(3, "mov esp, ebx", "iretd", VECTOR_PF, PF_U);
    check("ESP", last.esp, (u32)window(1));
    with.ebx = (u32)window(1);
    EXPECT(3, "mov esp, ebx", "retf", VECTOR_PF, PF_U);
    check("ESP", last.esp, (u32)window(1));
    finish();
}
