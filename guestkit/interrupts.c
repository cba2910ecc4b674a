#include <guestkit/console.h>
#include <guestkit/cpu.h>
#include <guestkit/interrupts.h>
#include <guestkit/power.h>

u64 idt[256] __attribute__((aligned(8)));
extern const u32 interrupt_stubs[256];  // stubs.S
struct trap_frame* dispatch_trap(struct trap_frame* frame);

static trap_handler* handlers[256];

static void die(const struct trap_frame* f) {
    print("unexpected vector %u error %x at %x:%x eflags %x cr2 %x\n", f->vector, f->error, f->cs, f->eip,
          f->eflags, read_cr2());
    debug_exit(1);
}

/// Called by every stub.
struct trap_frame* dispatch_trap(struct trap_frame* frame) {
    trap_handler* handler = handlers[frame->vector];
    if (!handler) die(frame);
    return handler(frame);
}

void set_handler(unsigned vector, trap_handler* handler) {
    handlers[vector] = handler;
}

void set_gate_access(unsigned vector, unsigned access) {
    idt[vector] = make_gate(KERNEL_CODE, interrupt_stubs[vector], access, 0);
}

void interrupts_init(void) {
    for (unsigned v = 0; v < 256; ++v) set_gate_access(v, ACCESS_INTERRUPT_GATE);
    const struct __attribute__((packed)) {
        u16 limit;
        u32 base;
    } pointer = {sizeof idt - 1, (u32)idt};
    __asm__ volatile("lidt %0" : : "m"(pointer) : "memory");
}
