// Clocks that must agree, within a factor of two: the timer's interrupts, its counter, and the time-stamp
// counter.
#include <guestkit/pic.h>
#include <guestkit/pit.h>

#include "probe.h"

static volatile u32 ticks;
static struct trap_frame* tick(struct trap_frame* f) {
    ++ticks;
    pic_end_of_interrupt(PIT_IRQ);
    return f;
}

/// TSC ticks in `parts` periods of 10 ms by the timer's channel 2: the best of five, as the host may be busy.
static u64 measure(unsigned parts) {
    u64 best = ~(u64)0;
    for (unsigned attempt = 0; attempt < 5; ++attempt) {
        const u64 start = rdtsc();
        for (unsigned i = 0; i < parts; ++i) pit_wait(PIT_HZ / 100);
        const u64 elapsed = rdtsc() - start;
        if (elapsed < best) best = elapsed;
    }
    return best;
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    const u64 once = measure(1);
    const u64 thrice = measure(3);
    check("10 ms are at least a million TSC ticks", once > 1000000, 1);
    check("30 ms are more than 15", thrice * 2 > once * 3, 1);
    set_handler(PIC_VECTOR_BASE, tick);
    pit_start(1000);
    pic_unmask(PIT_IRQ);
    sti();
    const u64 start = rdtsc();
    while (ticks < 40) {
    }
    cli();
    const u64 elapsed = rdtsc() - start;
    check("40 ticks of 1 ms take at least 20 ms", elapsed > once * 2 * 9 / 10, 1);
    pic_mask(PIT_IRQ);
    // The counter counts down from what was loaded.
    pit_start(100);
    const u16 first = pit_count();
    pit_wait(1000);
    const u16 second = pit_count();
    check("counter within its range", first <= PIT_HZ / 100 && second <= PIT_HZ / 100, 1);
    check("counter moves", first != second, 1);
    finish();
}
