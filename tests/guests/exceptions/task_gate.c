// A double fault served by a task gate: a kernel that lost its stack still gets a handler with a good one,
// and the state of the victim in its TSS.  SDM Vol. 3A, sections 6.14.3 and 8.3.
#include "descriptors.h"
#include "window.h"

static u8 task_stack[4096] __attribute__((aligned(16)));
extern const char victim[];

static void df_task(void) {
    check("in the task", 1, 1);
    check("victim's EIP", tss.eip - (u32)victim, 0);
    check("victim's ESP", tss.esp, (u32)window(1));
    check("victim's EAX", tss.eax, 0xFACE);
    check("victim's CS", tss.cs & 0xFFFF, KERNEL_CODE);
    check("back link", spare_tss.back_link & 0xFFFF, TSS_SELECTOR);
    check("CR2", read_cr2(), (u32)window(1) - 4);
    u16 tr;
    __asm__ volatile("str %0" : "=r"(tr));
    check("TR", tr, SPARE_TSS);
    check("the task's TSS is busy", (u32)(*gdt_slot(SPARE_TSS) >> 40) & 0xFF, ACCESS_TSS | 2);
    check("and the victim's too", (u32)(*gdt_slot(TSS_SELECTOR) >> 40) & 0xFF, ACCESS_TSS | 2);
    check("NT", read_eflags() & EFLAGS_NT, EFLAGS_NT);
    check("TS", read_cr0() & CR0_TS, CR0_TS);
    check("CR3 from the TSS", read_cr3(), physical(directory));
    finish();
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    descriptors_init();
    window_init(PAGE_P | PAGE_W);
    window_map(0, 0, 0);
    window_map(1, frame_alloc(), RW);
    spare_tss = (struct tss){
        .cr3 = physical(directory),
        .eip = (u32)df_task,
        .eflags = EFLAGS_FIXED1,
        .esp = (u32)(task_stack + sizeof task_stack),
        .cs = KERNEL_CODE,
        .ss = KERNEL_DATA,
        .ds = KERNEL_DATA,
        .es = KERNEL_DATA,
        .io_map_base = sizeof spare_tss,
    };
    idt[VECTOR_DF] = make_gate(SPARE_TSS, 0, ACCESS_TASK_GATE, 0);
    // A push into a hole: #PF, which cannot be pushed either.
    __asm__ volatile(
        "movl $0xFACE, %%eax; movl %0, %%esp\n"
        ".globl victim\nvictim: pushl %%eax"
        :
        : "r"(window(1))
        : "eax", "memory");
    print("FAIL alive\n");
    finish();
}
