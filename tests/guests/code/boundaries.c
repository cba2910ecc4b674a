// Where instructions begin: jumps into the middle of one, one that straddles two pages, the second page of
// which changes or is missing, and the end of a page.
#include "poke.h"

enum { MOV_EAX = 0xB8, EDGE = WINDOW + PAGE_SIZE };

static void into_the_middle(int ring) {
    // The lock prefix is skipped: 1: lock incl (%ebx), entered at 1 or behind its prefix, in turns.
    static u32 cell;
    PUT(window(0), 0xF0, 0xFF, 0x03, 0x8B, 0x03, END);
    cell = 0;
    for (unsigned i = 0; i < 10; ++i) {
        with.ebx = (u32)&cell;
        const char* start = (char*)window(0) + i % 2;
        probe(ring, (struct snippet){start, start, ""});
    }
    check("lock skipped in turns", cell, 10);
    // Two readings of the same bytes: B8 01 00 00 90) is mov $0x1B8 and a nop, or mov $0x90000001.
    PUT(window(0), MOV_EAX, MOV_EAX, 1, 0, 0, 0x90, 0x90, END);
    check("outer reading", run_at(ring, window(0)), 0x1B8);
    check("inner reading", run_at(ring, window(0) + 1), 0x90000001);
    check("outer reading again", run_at(ring, window(0)), 0x1B8);
    // pushf hidden in an immediate: mov $0x9090589C, %eax entered at its immediate gives flags.
    PUT(window(0), MOV_EAX, 0x9C, 0x58, 0x90, 0x90, END);
    check("as an immediate", run_at(ring, window(0)), 0x9090589C);
    with.eflags = EFLAGS_IF | EFLAGS_ZF;
    check("as pushf and pop", run_at(ring, window(0) + 1), EFLAGS_IF | EFLAGS_ZF | EFLAGS_FIXED1);
    check("as an immediate again", run_at(ring, window(0)), 0x9090589C);
    // cli hidden the same way.
    PUT(window(0), MOV_EAX, 0xFA, 0x90, 0x90, 0x90, END);
    check("cli as an immediate", run_at(ring, window(0)), 0x909090FA);
    if (ring) expect_at(3, "cli in an immediate", window(0) + 1, VECTOR_GP, 0, 0);
    // A loop of overlapping instructions: eb ff c0 is jmp -1, then inc %eax.
    PUT(window(0), 0x31, 0xC0, 0xEB, 0xFF, 0xC0, END);
    check("jmp into itself", run_at(ring, window(0)), 1);
}

static void straddling(int ring) {
    u8* const code = (u8*)EDGE - 3;
    const u32 frames[2] = {frame_alloc(), frame_alloc()};
    for (unsigned i = 0; i < 2; ++i) {
        window_map(1, frames[i], RW);
        PUT(window(1), 0x34, (u8)0, END);
        window(1)[1] = (u8)(0x56 + i);
    }
    PUT(code, MOV_EAX, 0x78, 0x12);
    u32 wrong = 0;
    for (unsigned i = 0; i < 20; ++i) {
        window_map(1, frames[i % 2], RW);
        probe(ring, (struct snippet){(char*)code, (char*)code, ""});
        wrong += last.eax != (i % 2 ? 0x57341278 : 0x56341278);
    }
    check("the second page remapped", wrong, 0);
    window(1)[0] = 0x99;
    check("the tail patched", run_at(ring, code), 0x57991278);
    code[1] = 0x11;
    check("the head patched", run_at(ring, code), 0x57991211);

    // Its second page missing: the fault's EIP is the instruction, CR2 the next page.
    window_map(1, 0, 0);
    expect_at(ring, "straddles into an absent page", code, VECTOR_PF, ring ? PF_U : 0, EDGE);
    window_map(1, frames[0], RW);
    check("present again", run_at(ring, code), 0x56341211);
    // A sensitive one: lgdt's operand size prefix and escape here, the rest there (sgdt (%ebx)).
    static u8 table[8];
    PUT(EDGE - 1, 0x0F);
    PUT(EDGE, 0x01, 0x03, END);
    with.ebx = (u32)table;
    run_at(ring, (u8*)EDGE - 1);
    check("straddling sgdt", *(u16*)table, sizeof gdt - 1);
    // in %dx, %al needs no second byte; int n does.
    PUT(EDGE - 1, 0xCD);
    PUT(EDGE, NO_FAULT);
    run_at(ring, (u8*)EDGE - 1);
    check("straddling int leaves EIP behind it", last.eip, EDGE + 1);
    // Falling off the end of a page.
    memset((u8*)EDGE - 16, 0x40, 16);
    PUT(EDGE, 0x40, END);
    check("seventeen incs over the edge", run_at(ring, (u8*)EDGE - 16), 17);
    window_map(1, 0, 0);
    probe(ring, (struct snippet){(char*)EDGE - 16, (char*)EDGE, ""});
    check("falls into an absent page at", last.eip, EDGE);
    check("after", last.eax, 16);
    check("CR2", last_cr2, EDGE);
    window_map(1, frames[0], RW);
}

static void long_and_strange(int ring) {
    // Fifteen bytes are an instruction, sixteen are #GP.
    memset(window(0), 0x2E, 32);
    window(0)[14] = 0x90, window(0)[15] = 0xCD, window(0)[16] = NO_FAULT;
    run_at(ring, window(0));
    window(0)[14] = 0x2E, window(0)[15] = 0x90;
    expect_at(ring, "sixteen bytes", window(0), VECTOR_GP, 0, 0);
    // Redundant prefixes on a sensitive instruction: 26 66 66 9C is pushfw.
    PUT(window(0), 0x89, 0xE1, 0x26, 0x66, 0x66, 0x9C, 0x29, 0xE1, 0x66, 0x58, 0x89, 0xC8, END);
    check("pushfw with prefixes pushes", run_at(ring, window(0)), 2);
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    window_init(PAGE_P | PAGE_W | PAGE_U);
    window_map(0, frame_alloc(), RW);
    for (int ring = 0; ring <= 3; ring += 3) {
        into_the_middle(ring);
        straddling(ring);
        long_and_strange(ring);
    }
    finish();
}
