// The local APIC under -M pc: identification, its timer once and periodically, end of interrupt, priorities,
// and a look at the I/O APIC.  SDM Vol. 3A, chapter 10; datasheet 82093AA.
#include <guestkit/pic.h>

#include "probe.h"

enum {
    APIC = 0xFEE00000,
    ID = 0x20,
    VERSION = 0x30,
    TPR = 0x80,
    EOI = 0xB0,
    SPURIOUS = 0xF0,
    ISR = 0x100,
    LVT_TIMER = 0x320,
    INITIAL = 0x380,
    CURRENT = 0x390,
    DIVIDE = 0x3E0,
    VECTOR = 0x50
};
static volatile u32* reg(u32 offset) {
    return (volatile u32*)((u32)APIC + offset);
}
static volatile u32 ticks, in_service;

static struct trap_frame* tick(struct trap_frame* f) {
    ++ticks;
    in_service |= *reg(ISR + (VECTOR / 32) * 0x10) >> (VECTOR % 32) & 1;
    *reg(EOI) = 0;
    return f;
}
static volatile u32* io_apic(u32 index) {
    *(volatile u32*)0xFEC00000 = index;
    return (volatile u32*)0xFEC00010;
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    check("CPUID has an APIC", cpuid(1, 0).edx & 0x200, 0x200);
    check("ID", *reg(ID) >> 24, 0);
    check("version 0x10 or later", (*reg(VERSION) & 0xFF) >= 0x10, 1);
    set_handler(VECTOR, tick);
    *reg(SPURIOUS) = 0x1FF;
    *reg(DIVIDE) = 0x3;  // by 16
    *reg(LVT_TIMER) = VECTOR;
    *reg(INITIAL) = 10000;
    sti();
    while (!ticks) {
    }
    cli();
    check("one-shot", ticks, 1);
    check("in service while handling", in_service, 1);
    check("current count is 0 after it", *reg(CURRENT), 0);
    *reg(LVT_TIMER) = VECTOR | 0x20000;
    *reg(INITIAL) = 10000;
    sti();
    while (ticks < 6) {
    }
    cli();
    *reg(LVT_TIMER) = 0x10000;
    *reg(INITIAL) = 0;
    check("periodic", ticks >= 6, 1);
    // The task priority holds it off.
    *reg(LVT_TIMER) = VECTOR;
    *reg(TPR) = 0x60;
    const u32 before = ticks;
    *reg(INITIAL) = 100;
    while (*reg(CURRENT)) {
    }
    sti();
    __asm__ volatile("nop; nop; nop");
    cli();
    check("held off by the task priority", ticks - before, 0);
    *reg(TPR) = 0;
    sti();
    while (ticks == before) {
    }
    cli();
    check("and let through", ticks - before, 1);
    check("I/O APIC: 24 entries", (*io_apic(1) >> 16 & 0xFF) + 1, 24);
    *io_apic(0x12) = 0x10000 | 0x61;
    check("a redirection entry holds", *io_apic(0x12) & 0x100FF, 0x10061);
    finish();
}
