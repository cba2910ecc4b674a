// A far transfer hidden in the immediate of a harmless instruction, entered in its middle: what a page of
// proven code cannot exclude (docs: security).  It may become the guest's own #GP, and end here; it may leave
// the guest's code segment, and must then meet the fence.  RING, SELECTOR, ROUTE and the payload are set by
// table.cmake.
#include "probe.h"

#ifdef PAGING
#include "window.h"
#endif

#if ROUTE == 1
#define IMMEDIATE "90CB"  // far return
#elif ROUTE == 2
#define IMMEDIATE "90CF"  // interrupt return
#elif ROUTE == 3
#define IMMEDIATE "2BFF"  // far jump through [ebx]
#elif ROUTE == 4
#define IMMEDIATE "1BFF"  // far call through [ebx]
#elif ROUTE == 5
#define IMMEDIATE "80CD"  // int 0x80, the host's system call gate
#elif ROUTE == 6
#define IMMEDIATE "050F"  // syscall
#elif ROUTE == 7
#define IMMEDIATE "340F"  // sysenter
#endif

extern const char payload[], payload32[], far_text[];
static u32 far_pointer[2];

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    probe_catch(0x80);  // ring 0 may call any gate of its own
#ifdef PAGING
    window_init(PAGE_P | PAGE_W | PAGE_U);
#endif
    print("ring %d, selector %x\n", RING, SELECTOR);
    far_pointer[0] = (u32)(SELECTOR == 0x33 ? payload : payload32);
    far_pointer[1] = SELECTOR;
    with.eax = far_pointer[1], with.ecx = far_pointer[0], with.ebx = (u32)far_pointer;
#if ROUTE >= 5
    with.eax = 4, with.ebx = 1, with.ecx = (u32)far_text,
    with.edx = 8;  // write(1, "ESCAPED\n", 8), as i386 says it
#endif
    // A thousand times the harmless reading, so that all of it is proven and runs natively; then, by the same
    // jump, its middle.  On the stack: what ret and iret want.
    PROBE(RING, "mov edi, 1000",
          "1: mov esi, offset 2f; cmp edi, 2; adc esi, 0; push 2; push eax; push ecx; jmp esi\n"
          "2: mov ebp, 0x9090" IMMEDIATE "; add esp, 12; dec edi; jnz 1b");
    print("stayed inside: vector %u error %x\n", last.vector, last.error);
    debug_exit(0);
}

__asm__(".globl far_text; far_text: .ascii \"ESCAPED\\n\"");
