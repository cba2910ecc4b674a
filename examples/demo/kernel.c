#include <guestkit/console.h>
#include <guestkit/cpu.h>
#include <guestkit/multiboot.h>
#include <guestkit/pic.h>
#include <guestkit/pit.h>
#include <guestkit/power.h>
#include <guestkit/user.h>

#include "demo.h"

enum { TIMER_HZ = 1000 };
static volatile u32 ticks;
u32 switches_by_timer;

static struct trap_frame* on_timer(struct trap_frame* f) {
    ++ticks;
    pic_end_of_interrupt(PIT_IRQ);
    if (!from_user(f)) return f;
    const struct process* before = current;
    f = process_switch(f);
    switches_by_timer += current != before;
    return f;
}

static struct trap_frame* on_page_fault(struct trap_frame* f) {
    const u32 address = read_cr2();
    if (from_user(f) && space_fault(current->directory, address, f->error)) return f;
    print("kernel:   page fault at %08x, error %x, eip %08x: nothing is there\n", address, f->error, f->eip);
    power_off();
}

static void end(void) {
    print("kernel:   pages: %u from the program's image, %u of stack, %u copied on write, %u taken over\n",
          faults.image, faults.zero, faults.copied, faults.reused);
    print("kernel:   the timer took the processor from a running process: %s\n",
          switches_by_timer ? "yes" : "no");
    print("kernel:   no process is left; power off\n");
    power_off();
}

static struct trap_frame* on_system_call(struct trap_frame* f) {
    switch (f->eax) {
        case CALL_PRINT:  // ebx: a string in the process's memory, mapped there since the process made it
            print("process %u: %s\n", current->id, (const char*)f->ebx);
            ++notice->lines_printed;
            break;
        case CALL_FORK:
            f->eax = process_fork(f);
            break;
        case CALL_EXIT:
            print("kernel:   process %u ended with %u\n", current->id, f->ebx);
            ++notice->processes_ended;
            f = process_end();
            if (!f) end();
            break;
        default:
            f->eax = ~0u;
    }
    return f;
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    print("kernel:   a small operating system, made with guestkit\n");
    memory_init();
    print("kernel:   paging: kernel at %08x and up, processes from %08x\n", KERNEL_BASE, (u32)PROGRAM_BASE);

    pic_init();
    set_handler(PIC_VECTOR_BASE + PIT_IRQ, on_timer);
    set_handler(VECTOR_PF, on_page_fault);
    set_handler(SYSTEM_CALL_VECTOR, on_system_call);
    set_gate_access(SYSTEM_CALL_VECTOR, ACCESS_INTERRUPT_GATE | ACCESS_DPL3);
    pit_start(TIMER_HZ);
    pic_unmask(PIT_IRQ);
    while (ticks < 3) sti_hlt();
    cli();
    print("kernel:   interrupts: the timer ticks\n");

    process_create();
    print("kernel:   user mode: starting process 1\n");
    process_start();
}
