// Two address spaces that take turns, each with pages of its own at the same addresses: what a monitor
// remembers of them, maps together, or keeps somewhere else, must never show.  The kernel reaches every frame
// by another address, too.
#include "probe.h"

enum { PAGES = 12, ROUNDS = 60, FIRST = 0x10003000, CODE = 0x10800000 };
enum { RING3_RW = PAGE_P | PAGE_W | PAGE_U, RING3_RO = PAGE_P | PAGE_U };

static page_entry* address_space(void) {
    page_entry* directory = directory_create();
    for (u32 a = 0; a < 8u << 20; a += LARGE_PAGE_SIZE)
        large_page_map(directory, (u32)at_physical(a), a, PAGE_P | PAGE_W);
    return directory;
}

/// Each page's first word grows by its second.
static void user_adds(void) {
    struct snippet code = SNIPPET("",
                                  "mov ecx, 12\n"
                                  "1: mov eax, [ebx + 4]\n"
                                  "add [ebx], eax\n"
                                  "add ebx, 4096\n"
                                  "dec ecx\n"
                                  "jnz 1b");
    memcpy((void*)CODE, code.start, 64);
    with.ebx = FIRST;
    with_segments.esp = CODE + PAGE_SIZE;
    expect(3, (struct snippet){(char*)CODE, (char*)CODE + (code.at - code.start), "adds"}, NO_FAULT, 0);
}

static u32 frame[2][PAGES], sum[2][PAGES];

static void turn(unsigned who, u32 round) {
    for (unsigned n = 0; n < PAGES; ++n) {
        u32* page = at_physical(frame[who][n]);
        // Some pages are written by the kernel each time, others hardly ever.
        if (n % 4 == 0 || round % 16 == n) page[1] = round * 3 + n + who;
        sum[who][n] += page[1];
    }
    user_adds();
    for (unsigned n = 0; n < PAGES; ++n) {
        const u32 there = *(volatile u32*)at_physical(frame[who][n]);
        if (there != sum[who][n]) check("the kernel's view of a page", there, sum[who][n]);
        const u32 here = *(volatile u32*)(FIRST + n * PAGE_SIZE);
        if (here != sum[who][n]) check("the user's", here, sum[who][n]);
    }
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    page_entry* space[2] = {address_space(), address_space()};
    paging_enable(space[0]);
    const u32 code_frame = physical(page_alloc());
    // Neighbours in one order here, in another there.
    for (unsigned n = 0; n < PAGES; ++n)
        for (unsigned who = 0; who < 2; ++who)
            frame[who][who ? PAGES - 1 - n : n] = physical(memset(page_alloc(), 0, PAGE_SIZE));
    for (unsigned who = 0; who < 2; ++who) {
        page_map(space[who], CODE, code_frame, RING3_RW);
        for (unsigned n = 0; n < PAGES; ++n)
            page_map(space[who], FIRST + n * PAGE_SIZE, frame[who][n], RING3_RW);
    }
    for (u32 round = 0; round < ROUNDS; ++round)
        for (unsigned who = 0; who < 2; ++who) {
            write_cr3(physical(space[who]));
            turn(who, round);
            if (round == 40 && who) {
                // A frame changes hands, two trade places, one becomes read-only and is written.
                for (unsigned n = 2; n < 4; ++n) {
                    const u32 other = frame[0][n];
                    frame[0][n] = frame[1][n];
                    frame[1][n] = other;
                    const u32 before = sum[0][n];
                    sum[0][n] = sum[1][n];
                    sum[1][n] = before;
                }
                for (unsigned a = 0; a < 2; ++a)
                    for (unsigned n = 2; n < 4; ++n)
                        page_map(space[a], FIRST + n * PAGE_SIZE, frame[a][n], RING3_RW);
                page_map(space[0], FIRST + 7 * PAGE_SIZE, frame[0][7], RING3_RO);
                write_cr3(physical(space[0]));
                with.ebx = FIRST + 7 * PAGE_SIZE;
                struct snippet code = SNIPPET("", "mov [ebx], eax");
                memcpy((void*)CODE, code.start, 64);
                expect(3, (struct snippet){(char*)CODE, (char*)CODE + (code.at - code.start), "read-only"},
                       VECTOR_PF, PF_P | PF_U | PF_W);
                page_map(space[0], FIRST + 7 * PAGE_SIZE, frame[0][7], RING3_RW);
            }
        }
    print("%u rounds\n", (u32)ROUNDS);
    for (unsigned who = 0; who < 2; ++who)
        for (unsigned n = 0; n < PAGES; ++n)
            check("sum", *(volatile u32*)at_physical(frame[who][n]), sum[who][n]);
    finish();
}
