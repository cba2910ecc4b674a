// The 8254 interrupts at its rate, hlt wakes for it, and the pushed flags show IF.
#include <guestkit/pic.h>
#include <guestkit/pit.h>

#include "probe.h"

static volatile u32 ticks, flags_of_interrupted;

static struct trap_frame* tick(struct trap_frame* f) {
    ++ticks;
    flags_of_interrupted = f->eflags;
    pic_end_of_interrupt(PIT_IRQ);
    return f;
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    pic_init();
    set_handler(PIC_VECTOR_BASE + PIT_IRQ, tick);
    pit_start(1000);
    pic_unmask(PIT_IRQ);

    for (u32 woken = 0; woken < 5; ++woken) {
        const u32 before = ticks;
        sti_hlt();
        cli();
        check_quietly("hlt wakes after an interrupt", ticks > before, 1);
    }
    check("the interrupted flags have IF", flags_of_interrupted & EFLAGS_IF, EFLAGS_IF);

    const u32 before = ticks;
    sti();
    while (ticks < before + 5) {
    }  // without hlt: must be interrupted while running
    cli();
    const u32 then = ticks;
    for (volatile u32 i = 0; i < 1000; ++i) {
    }
    check("interrupts while IF is 0", ticks - then, 0);
    pic_mask(PIT_IRQ);
    print("ticks arrive in a busy loop and in hlt\n");
    finish();
}
