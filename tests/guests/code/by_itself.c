// Instructions of the FPU and of SSE where code and data meet: operands in CS, stores beside and into running
// code, and bytes that are two instructions at once.
#include "poke.h"

enum { EDGE = WINDOW + PAGE_SIZE };

static void constants_in_code(int ring) {
    static const float quarter = 0.25f;
    u32* const page = (u32*)window(0);
    memcpy(page + 0x200, &quarter, sizeof quarter);
    page[0x201] = 4;
    for (unsigned round = 0; round < 6; ++round) {
        with.ebx = (u32)(page + 0x200);
        EXPECT_NO_FAULT(ring, "fninit",
                        "fld dword ptr cs:[ebx]; fimul dword ptr cs:[ebx+4]; fistp dword ptr [ebx+8]");
        check_quietly("x87 through cs", page[0x202], 1);
        // A prefix too many: the last one decides.
        with.ebx = (u32)(page + 0x200);
        EXPECT_NO_FAULT(ring, "", ".byte 0x3E, 0x2E, 0x0F, 0x10, 0x03; movups [ebx+16], xmm0");
        check_quietly("sse through cs", page[0x204], page[0x200]);
        check_quietly("sse through cs, second word", page[0x205], 4);
    }
    EXPECT(ring, "", "fld dword ptr cs:[0x3FFFFFFC]", VECTOR_PF, ring ? PF_U : 0);
    check("where it was missing", last_cr2, 0x3FFFFFFC);
}

static void stores_into_own_page(int ring) {
    for (unsigned round = 0; round < 10; ++round) {
        // movups (%ebx), %xmm0 overwrites what stands behind it.
        PUT(window(0), 0x0F, 0x11, 0x03, 0xB8, LE32(1), END);
        static u8 behind[16] __attribute__((aligned(16))) = {0xB8, LE32(2), END};
        behind[1] = (u8)(round + 2);
        with.ebx = (u32)window(0) + 3;
        with.ecx = (u32)behind;
        __asm__ volatile("movups %0, %%xmm0" : : "m"(behind));
        probe(ring, (struct snippet){(char*)window(0), (char*)window(0), ""});
        check_quietly("sse overwrote what is next", last.eax, round + 2);
        // fistpl elsewhere in the page, and fsts over two pages.
        PUT(window(0) + 64, 0xDB, 0xE3, 0xD9, 0xE8, 0xDB, 0x1B, 0x8B, 0x03, END);
        with.ebx = (u32)window(0) + 512 + 4 * round;
        probe(ring, (struct snippet){(char*)window(0) + 64, (char*)window(0) + 64, ""});
        check_quietly("x87 stored into its page", last.eax, 1);
        PUT(EDGE - 16, 0xDB, 0xE3, 0xD9, 0xE8, 0xD9, 0x1B, 0x8B, 0x03, END);
        with.ebx = EDGE - 2;
        probe(ring, (struct snippet){(char*)EDGE - 16, (char*)EDGE - 16, ""});
        check_quietly("x87 stored over two pages", last.eax, 0x3F800000);
    }
    check("stores into the own page", *(u32*)(window(0) + 512), 1);
}

static void two_at_once(int ring) {
    // movups 0x1FA(%ebx), %xmm0 entered at its displacement is cli and add %eax, (%eax).
    PUT(window(0), 0x0F, 0x10, 0x83, 0xFA, 0x01, 0x00, 0x00, 0x66, 0x0F, 0x7E, 0xC0, END);
    *(u32*)(window(0) + 0x1FA) = 0x12345678;
    static u32 cell;
    for (unsigned round = 0; round < 10; ++round) {
        with.ebx = (u32)window(0);
        check_quietly("as sse", run_at(ring, window(0)), 0x12345678);
        if (ring) {
            expect_at(3, "cli in a displacement", window(0) + 3, VECTOR_GP, 0, 0);
            continue;
        }
        cell = round;
        with.eax = (u32)&cell;
        with.eflags = EFLAGS_IF;
        probe(0, (struct snippet){(char*)window(0) + 3, (char*)window(0) + 3, ""});
        check_quietly("as cli", last.eflags & EFLAGS_IF, 0);
        check_quietly("and add", cell, round + (u32)&cell);
    }
    with.ebx = (u32)window(0);
    check("two at once", run_at(ring, window(0)), 0x12345678);
}

static void straddling(int ring) {
    // fildl %cs:0x200(%ebx) over a page's end; what follows is on the next page.
    u8* const code = (u8*)EDGE - 4;
    PUT(code, 0x2E, 0xDB, 0x83, 0x00, 0x02, 0x00, 0x00, 0xDB, 0x1E, 0x8B, 0x06, END);
    for (unsigned round = 0; round < 5; ++round) {
        static u32 cell;
        *(u32*)(window(0) + 0x200) = 77 + round;
        with.ebx = (u32)window(0);
        with.esi = (u32)&cell;
        __asm__ volatile("fninit");
        check_quietly("over two pages", run_at(ring, code), 77 + round);
    }
    check("over two pages", last.eax, 81);
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    window_init(PAGE_P | PAGE_W | PAGE_U);
    for (unsigned i = 0; i < 2; ++i) window_map(i, frame_alloc(), RW);
    write_cr4(read_cr4() | (u32)CR4_OSFXSR);
    for (int ring = 0; ring <= 3; ring += 3) {
        constants_in_code(ring);
        stores_into_own_page(ring);
        two_at_once(ring);
        straddling(ring);
    }
    finish();
}
