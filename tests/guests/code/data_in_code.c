// Code pages that are data as well: jump tables, constants through CS, a function that is read, copied
// elsewhere and run there, and writes beside running code.
#include "poke.h"

extern const u8 switcher[], switcher_end[];
__asm__(
    ".pushsection .user, \"ax\"\n"
    ".balign 4\n"
    "switcher:\n"  // EAX selects; position independent, so that a copy works
    "   call 1f\n"
    "1: popl %ecx\n"
    "   movl %cs:2f-1b(%ecx, %eax, 4), %edx\n"
    "   addl %ecx, %edx\n"
    "   jmp *%edx\n"
    "2: .long 3f-1b, 4f-1b, 5f-1b, 6f-1b\n"
    "3: movl $100, %eax; int $0x60\n"
    "4: movl $101, %eax; int $0x60\n"
    "5: movl $102, %eax; pushfl; popl %ebx; int $0x60\n"
    "6: movl $103, %eax; int $0x60\n"
    "switcher_end: .popsection");

static void select_all(int ring, const u8* code, const char* where) {
    u32 wrong = 0;
    for (unsigned i = 0; i < 40; ++i) {
        with.eax = i * 7 % 4;
        probe(ring, (struct snippet){(const char*)code, (const char*)code, ""});
        wrong += last.vector != NO_FAULT || last.eax != 100 + i * 7 % 4;
    }
    check(where, wrong, 0);
}

static u32 compiled(u32 n) {  // gcc makes a jump table of this
    switch (n) {
        case 0:
            return read_eflags() & EFLAGS_IF;
        case 1:
            return 11;
        case 2:
            return read_cr0() & CR0_PE;
        case 3:
            return 33;
        case 4:
            return 44;
        case 5:
            return 55 + (read_cr3() & 0);
        default:
            return 99;
    }
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    window_init(PAGE_P | PAGE_W | PAGE_U);
    window_map(0, frame_alloc(), RW);
    const u32 size = (u32)(switcher_end - switcher);
    for (int ring = 0; ring <= 3; ring += 3) {
        select_all(ring, switcher, "jump table in code");
        for (unsigned offset = 0; offset < 3; ++offset) {
            u8* copy = window(0) + 100 * offset + offset;
            memcpy(copy, switcher, size);
            select_all(ring, copy, "copied");
        }
        // All writable segments see what was written; CS reads it back.
        window(0)[0x900] = 0x5A;
        with.ebx = (u32)window(0) + 0x900;
        EXPECT_NO_FAULT(ring, "", "mov al, cs:[ebx]; mov ah, ss:[ebx]; mov cl, es:[ebx]");
        check("through cs and ss", last.eax & 0xFFFF, 0x5A5A);
        with.esi = (u32)window(0) + 0x900;
        EXPECT_NO_FAULT(ring, "", ".byte 0x2E; lodsb");
        check("lods through cs", last.eax & 0xFF, 0x5A);
        with.esi = (u32)switcher, with.edi = (u32)window(0) + 0xA00, with.ecx = size;
        EXPECT_NO_FAULT(ring, "", ".byte 0x2E; rep movsb");
        check("rep movs through cs", (u32)memcmp(window(0) + 0xA00, switcher, size), 0);
        EXPECT(ring, "", "push cs:[0x3FFFFFFC]", VECTOR_PF, ring ? PF_U : 0);
    }
    u32 total = 0;
    for (u32 i = 0; i < 7; ++i) total += compiled(i);
    check("compiled switch", total, 0 + 11 + 1 + 33 + 44 + 55 + 99);
    finish();
}
