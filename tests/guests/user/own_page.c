// A user program whose code and data share a page that only it executes: it writes into the page, into its own
// next instructions and across a page's end, and what it runs is what it wrote.  SDM Vol. 3A, section 8.1.3.
#include "poke.h"

enum { MOV_EAX = 0xB8 };

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    window_init(PAGE_P | PAGE_W | PAGE_U);
    window_map(0, frame_alloc(), RW);
    window_map(1, frame_alloc(), RW);
    u8* code = window(0);

    // 1: incl counter; loop 1b; mov counter, %eax
    PUT(code, 0xFF, 0x05, LE32(WINDOW + 0x800), 0xE2, 0xF8, 0xA1, LE32(WINDOW + 0x800), END);
    *(volatile u32*)(code + 0x800) = 0;
    with.ecx = 1000;
    check("a counter beside the code", run_at(3, code), 1000);
    // movb $77, 1+target; jmp target; target: mov $0, %eax
    PUT(code, 0xC6, 0x05, LE32(WINDOW + 0x0A), 77, 0xEB, 0x00, MOV_EAX, 0, 0, 0, 0, END);
    check("the next instruction but one", run_at(3, code), 77);
    // fld1; fistpl counter: software does not know the store; mov counter, %eax
    PUT(code, 0xD9, 0xE8, 0xDB, 0x1D, LE32(WINDOW + 0x800), 0xA1, LE32(WINDOW + 0x800), END);
    check("a store that the FPU makes", run_at(3, code), 1);
    // incl of a counter in the second page, by an instruction that ends there
    u8* last = code + PAGE_SIZE - 3;
    PUT(last, 0xFF, 0x05, LE32(WINDOW + PAGE_SIZE + 0x800), 0xA1, LE32(WINDOW + PAGE_SIZE + 0x800), END);
    *(volatile u32*)(window(1) + 0x800) = 41;
    check("a store to the page that the instruction runs on into", run_at(3, last), 42);
    finish();
}
