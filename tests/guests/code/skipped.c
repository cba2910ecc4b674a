// A conditional jump over a single sensitive instruction, as often as it takes to be treated as hot; then the
// same instruction reached by a jump of its own, and the one behind it, too.
#include "probe.h"

enum { IF = 0x200, ROUNDS = 200 };

/// Enters at a label of the code below with interrupts off; returns EFLAGS as they are behind it.
u32 enter(const void* where, u32 skip);
extern const char at_jump[], at_sti[], behind_sti[];
__asm__(
    ".text\n"
    "enter:\n"
    "  cli\n"
    "  movl 8(%esp), %ecx\n"
    "  movl $0, %eax\n"
    "  testl %ecx, %ecx\n"
    "  jmp *4(%esp)\n"
    "at_jump:\n"
    "  jnz behind_sti\n"
    "at_sti:\n"
    "  sti\n"
    "behind_sti:\n"
    "  incl %eax\n"
    "  incl %eax\n"
    "  incl %eax\n"
    "  pushf\n"
    "  popl %edx\n"
    "  cli\n"
    "  andl $0x200, %edx\n"
    "  orl %edx, %eax\n"
    "  ret\n");

static u32 wrong;
static void try(const void* where, u32 skip, u32 want) {
    if (enter(where, skip) != (want | 3)) ++wrong;
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    u32 random = 1;
    for (u32 n = 0; n < ROUNDS; ++n) {
        random = random * 1664525 + 1013904223;
        const u32 skip = random >> 31;
        try(at_jump, skip, skip ? 0 : IF);
    }
    check("the jump, wrong", wrong, 0);
    for (u32 n = 0; n < ROUNDS; ++n) try(at_sti, n & 1, IF);
    check("the instruction itself, wrong", wrong, 0);
    for (u32 n = 0; n < ROUNDS; ++n) try(behind_sti, n & 1, 0);
    check("the one behind it, wrong", wrong, 0);
    for (u32 n = 0; n < 4 * ROUNDS; ++n) {
        random = random * 1664525 + 1013904223;
        const u32 skip = random >> 31 & 1;
        switch (random >> 29 & 3) {
            case 0: try(at_sti, skip, IF); break;
            case 1: try(behind_sti, skip, 0); break;
            default: try(at_jump, skip, skip ? 0 : IF);
        }
    }
    check("all of them, wrong", wrong, 0);
    finish();
}
