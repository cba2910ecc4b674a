// A program that computes, undisturbed but for the timer, is held out of the kernel like any other: before it
// has computed, after it, and when it starts over.
#include <guestkit/pic.h>
#include <guestkit/pit.h>

#include "probe.h"

static page_entry* directory;
static u32* ticks;           // in a page of the user's
static volatile u32 spared;  // what the kernel's function must not change

static u8* user_page(unsigned n) {
    return (u8*)0x10000000 + n * PAGE_SIZE;
}

static struct trap_frame* tick(struct trap_frame* f) {
    ++*ticks;
    pic_end_of_interrupt(PIT_IRQ);
    return f;
}

/// Begins with a sensitive instruction, as kernels' functions do that touch the interrupt flag.
static void __attribute__((noinline)) kernel_function(void) {
    cli();
    ++spared;
}
static const u32 kernel_data[4] = {1, 2, 3, 4};

/// Computes until `n` ticks have come, then does `what` with the address in ebx.
static void after(u32 n, struct snippet what, u32 operand, u32 error, const void* eip) {
    memcpy(user_page(0), what.start, 128);
    *ticks = 0;
    with.ebx = operand;
    with.esi = (u32)ticks;
    with.ecx = n;
    with.eflags = EFLAGS_IF | 2;
    with_segments.esp = (u32)user_page(2);
    const char* start = (const char*)user_page(0);
    expect(3, (struct snippet){start, eip ? eip : start + (what.at - what.start), what.text}, VECTOR_PF,
           error);
    check("CR2", last_cr2, operand);
    check("it computed", *ticks >= n, 1);
}

#define COMPUTE "1: mov eax, 1000\n2: dec eax\njnz 2b\ncmp [esi], ecx\njb 1b\n"

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    const u32 base = (u32)at_physical(0);
    directory = directory_create();
    for (u32 a = 0; a < 8u << 20; a += LARGE_PAGE_SIZE)
        large_page_map(directory, base + a, a, PAGE_P | PAGE_W);
    paging_enable(directory);
    for (unsigned n = 0; n < 3; ++n)
        page_map(directory, (u32)user_page(n), physical(page_alloc()), PAGE_P | PAGE_W | PAGE_U);
    ticks = (u32*)user_page(2);

    pic_init();
    set_handler(PIC_VECTOR_BASE + PIT_IRQ, tick);
    pit_start(1000);
    pic_unmask(PIT_IRQ);
    for (unsigned round = 0; round < 3; ++round) {
        kernel_function();  // so that the kernel's own code has run
        const u32 n = round * 10;
        after(n, SNIPPET(COMPUTE, "jmp ebx"), (u32)kernel_function, PF_P | PF_U, kernel_function);
        after(n, SNIPPET(COMPUTE, "jmp ebx"), (u32)kernel_data, PF_P | PF_U, kernel_data);
        after(n, SNIPPET(COMPUTE, "mov eax, [ebx]"), (u32)kernel_data, PF_P | PF_U, 0);
        after(n, SNIPPET(COMPUTE, "mov [ebx], eax"), (u32)&spared, PF_P | PF_U | PF_W, 0);
        check("the kernel's function ran for the kernel only", spared, round + 1);
    }
    finish();
}
