// A kernel that takes ring 0 for granted, as every kernel does.
//
// Each line it prints is about an instruction that does not fault outside ring 0, and shows or does something
// else there.  On a real machine, under an emulator, and under a monitor that catches them, all is well. With
// the holes open (ringpress run --sensitive ignore) it is not, and `ringpress compare` shows both side by
// side.
#include <guestkit/console.h>
#include <guestkit/cpu.h>
#include <guestkit/interrupts.h>
#include <guestkit/multiboot.h>
#include <guestkit/pic.h>
#include <guestkit/pit.h>
#include <guestkit/power.h>

enum { TIMER_HZ = 1000, WAIT_TICKS = 36000 };  // 36000 / 1193182 Hz: 30 ms
static volatile u32 ticks;
static unsigned surprises;

static struct trap_frame* on_timer(struct trap_frame* f) {
    ++ticks;
    pic_end_of_interrupt(PIT_IRQ);
    return f;
}

/// Timer interrupts that arrive within 30 ms.  It polls: no interrupt is needed to get out of it.
static u32 ticks_meanwhile(void) {
    const u32 before = ticks;
    pit_wait(WAIT_TICKS);
    return ticks - before;
}

static void tell(const char* question, const char* answer, bool as_expected) {
    print("%s: %s\n", question, answer);
    surprises += !as_expected;
}

/// Saves the flags, shuts interrupts off, and restores the flags: spin_lock_irqsave and its like.
__attribute__((noinline)) static void critical_section(void) {
    const u32 flags = read_eflags();
    cli();
    write_eflags(flags);
}

/// Shuts interrupts off by writing EFLAGS.
__attribute__((noinline)) static void interrupts_off_by_popf(void) {
    write_eflags(EFLAGS_FIXED1);
}

__attribute__((noinline)) static bool interrupts_are_on(void) {
    return (read_eflags() & EFLAGS_IF) != 0;
}

__attribute__((noinline)) static unsigned privilege_level(void) {
    u16 cs;
    __asm__ volatile("mov %%cs, %0" : "=r"(cs));
    return cs & 3;
}

__attribute__((noinline)) static u32 gdt_base(void) {
    struct __attribute__((packed)) {
        u16 limit;
        u32 base;
    } pointer;
    __asm__ volatile("sgdt %0" : "=m"(pointer));
    return pointer.base;
}

__attribute__((noinline)) static u16 task(void) {
    u16 selector;
    __asm__ volatile("str %0" : "=r"(selector));
    return selector;
}

__attribute__((noinline)) static bool paging_is_on(void) {
    u32 word;
    __asm__ volatile("smsw %0" : "=r"(word));
    return (word & CR0_PG) != 0;
}

__attribute__((noinline)) static bool may_read(u16 selector) {
    bool zero;
    __asm__ volatile("verr %1" : "=@ccz"(zero) : "r"(selector));
    return zero;
}

static const char* yes(bool answer) {
    return answer ? "yes" : "no";
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    print("a kernel that takes ring 0 for granted\n");
    pic_init();
    set_handler(PIC_VECTOR_BASE + PIT_IRQ, on_timer);
    pit_start(TIMER_HZ);
    pic_unmask(PIT_IRQ);

    sti();
    bool on = ticks_meanwhile() != 0;
    tell("interrupts arrive after sti", yes(on), on);
    critical_section();
    on = ticks_meanwhile() != 0;
    tell("and again behind a critical section (popf)", on ? "yes" : "no, they never come back", on);

    sti();
    interrupts_off_by_popf();
    const bool quiet = ticks_meanwhile() == 0;
    tell("interrupts that popf has shut off stay away", quiet ? "yes" : "no, they come all the same", quiet);

    cli();
    on = interrupts_are_on();
    tell("are they on behind cli (pushf)", yes(on), !on);

    const unsigned level = privilege_level();
    print("privilege level of this kernel (mov from cs): %u\n", level);
    surprises += level != 0;
    const bool own_gdt = gdt_base() == (u32)gdt;
    tell("the GDT is where the kernel put it (sgdt)", yes(own_gdt), own_gdt);
    const bool own_task = task() == TSS_SELECTOR;
    tell("the task is the kernel's (str)", yes(own_task), own_task);
    const bool paging = paging_is_on();
    tell("paging is on (smsw)", yes(paging), !paging);
    const bool readable = may_read(KERNEL_DATA);
    tell("the kernel may read its own data (verr)", yes(readable), readable);

    if (surprises)
        print("%u things were not what ring 0 expects\n", surprises);
    else
        print("all is as it is at ring 0\n");
    power_off();
}
