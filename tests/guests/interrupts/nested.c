// Handlers that open interrupts: another timer interrupt nests once the controller has its end of interrupt,
// not before; and the controller's registers show what is in service.
#include <guestkit/pic.h>
#include <guestkit/pit.h>

#include "probe.h"

static volatile u32 depth, deepest, ticks, in_service_seen, reentered_too_early;

static struct trap_frame* tick(struct trap_frame* f) {
    ++ticks;
    ++depth;
    if (depth > deepest) deepest = depth;
    in_service_seen |= pic_in_service() & 1;
    if (depth < 4) {
        const u32 before = ticks;
        while (!(pic_requests() & 1)) {
        }  // the next tick is requested, and this one is still in service
        sti();
        __asm__ volatile("nop; nop; nop; nop");
        cli();
        if (ticks != before) reentered_too_early = 1;
        pic_end_of_interrupt(PIT_IRQ);
        sti();
        while (ticks == before) {
        }
        cli();
    } else {
        pic_end_of_interrupt(PIT_IRQ);
    }
    --depth;
    return f;
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    set_handler(PIC_VECTOR_BASE, tick);
    pit_start(1000);
    pic_unmask(PIT_IRQ);
    sti();
    while (deepest < 4 || depth) {
    }
    cli();
    pic_mask(PIT_IRQ);
    check("depth", deepest, 4);
    check("in-service bit while handling", in_service_seen, 1);
    check("interrupted before the end of interrupt", reentered_too_early, 0);
    check("in service afterwards", pic_in_service() & 1, 0);
    finish();
}
