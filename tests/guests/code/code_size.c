// The same bytes run in a 32-bit and in a 16-bit code segment by turns (SDM Vol. 3A, 3.4.5: D/B), and are
// other instructions each time: what is an operand in one is a sensitive instruction in the other.
#include "descriptors.h"
#include "probe.h"

enum { CODE16 = 0xC0, ROUNDS = 20, IF = 0x200 };

// 32-bit                               16-bit
//   mov eax, 0x5B9C1234                  mov ax, 0x1234; pushf; pop bx
//   cmp eax, 0xCB669090                  cmp ax, 0x9090; retf (32-bit operand)
//   ret
__attribute__((aligned(16))) static const u8 code[] = {0xB8, 0x34, 0x12, 0x9C, 0x5B, 0x3D,
                                                       0x90, 0x90, 0x66, 0xCB, 0xC3};

static u32 run32(void) {
    u32 eax;
    __asm__ volatile("call *%1" : "=a"(eax) : "r"(code) : "cc");
    return eax;
}
/// AX in the low half, the flags it saw in the high one.
static u32 run16(int interrupts) {
    struct {
        u32 offset;
        u16 selector;
    } __attribute__((packed)) there = {0, CODE16};
    u32 eax = 0, ebx = 0;
    __asm__ volatile("cli\n testl %2, %2\n jz 1f\n sti\n 1: lcall *(%3)\n cli"
                     : "+a"(eax), "+b"(ebx)
                     : "r"(interrupts), "r"(&there)
                     : "cc", "memory");
    return (ebx & IF) << 16 | (eax & 0xFFFF);
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    outb(0x21, 0xFF);  // no interrupt comes
    outb(0xA1, 0xFF);
    // Code, DPL 0, readable, D clear: 64 KiB from the bytes on.
    gdt[CODE16 / 8] =
        0x00009B000000FFFFull | (u64)((u32)code & 0xFFFFFF) << 16 | (u64)((u32)code >> 24) << 56;
    for (unsigned n = 0; n < ROUNDS; ++n) {
        check_quietly("32-bit", run32(), 0x5B9C1234);
        check_quietly("16-bit, IF clear", run16(0), 0x1234);
        check_quietly("16-bit, IF set", run16(1), (u32)IF << 16 | 0x1234);
        check_quietly("16-bit again", run16(0), 0x1234);
    }
    check("rounds", ROUNDS, 20);
    finish();
}
