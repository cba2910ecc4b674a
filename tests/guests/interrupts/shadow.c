// Where exactly a pending interrupt is taken: one instruction behind sti, at once behind popf and iret, never
// between sti and cli, nor between mov ss and the instruction behind it.  SDM Vol. 2: STI; Vol. 3A,
// section 6.8.
#include <guestkit/pic.h>
#include <guestkit/pit.h>

#include "probe.h"

enum { IRQ0 = PIC_VECTOR_BASE };

/// Leaves the timer's interrupt requested at the controller; IF is 0.
static void make_pending(void) {
    pit_one_shot(50);
    pic_unmask(PIT_IRQ);
    while (!(pic_requests() & 1)) {
    }
}

static void pending(int ring, const char* what, struct snippet code, u32 flags, unsigned vector,
                    int taken_at) {
    make_pending();
    with.eflags = flags;
    probe(ring, code);
    check(what, last.vector, vector);
    if (vector == IRQ0) {
        check("taken at", last.eip - (u32)code.at, (u32)taken_at);
        pic_end_of_interrupt(PIT_IRQ);
    }
    pic_mask(PIT_IRQ);
    // Take the request out of the controller for the next round.
    set_handler(IRQ0, 0);
    pic_init();
    probe_catch(IRQ0);
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    probe_catch(IRQ0);
    for (int ring = 0; ring <= 3; ring += 3) {
        const u32 iopl = ring ? EFLAGS_IOPL : 0;
        pending(ring, "sti; nop", SNIPPET("", "sti; nop; nop; nop"), iopl, IRQ0, 2);
        pending(ring, "sti; cli never opens", SNIPPET("", "sti; cli; nop; nop"), iopl, NO_FAULT, 0);
        pending(ring, "sti; cli in a loop", SNIPPET("mov ecx, 20", "1: sti; cli; loop 1b"), iopl, NO_FAULT,
                0);
        pending(ring, "IF = 0 stays closed", SNIPPET("mov ecx, 1000", "1: loop 1b"), iopl, NO_FAULT, 0);
        pending(ring, "popf opens at once", SNIPPET("pushfd; or dword ptr [esp], 0x200", "popfd; nop; nop"),
                iopl, IRQ0, 1);
        pending(
            ring, "iret opens at once",
            SNIPPET("pushfd; or dword ptr [esp], 0x200; push cs; push offset 772f + 1", "iretd; nop; nop"),
            iopl, IRQ0, 1);
        pending(ring, "sti; pushf; popf", SNIPPET("", "sti; pushfd; pop eax; nop"), iopl, IRQ0, 2);
    }
    pending(3, "on the way to ring 3", SNIPPET("", "nop; nop"), EFLAGS_IF, IRQ0, 0);
    pending(3, "ring 3 without IOPL cannot hold it off", SNIPPET("", "1: jmp 1b"), EFLAGS_IF, IRQ0, 0);
    pending(0, "sti; hlt", SNIPPET("", "sti; hlt; nop"), 0, IRQ0, 2);
    finish();
}
