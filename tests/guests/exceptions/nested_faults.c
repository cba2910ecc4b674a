// Faults while delivering: a gate that is absent makes #NP with EXT, or a double fault if the first was a
// contributory exception or a page fault.  SDM Vol. 3A, section 6.15, interrupt 8, and section 6.13 for EXT.
#include <guestkit/pic.h>
#include <guestkit/pit.h>

#include "window.h"

static void gate_absent(unsigned vector) {
    for (unsigned v = 0; v < 0x30; ++v)
        set_gate_access(v, v == vector ? ACCESS_INTERRUPT_GATE & ~ACCESS_PRESENT : ACCESS_INTERRUPT_GATE);
}
enum { IDT_BIT = 2, EXT = 1 };

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    window_init(PAGE_P | PAGE_W | PAGE_U);
    for (int ring = 0; ring <= 3; ring += 3) {
        gate_absent(VECTOR_UD);  // benign: the second exception is served
        EXPECT(ring, "", "ud2", VECTOR_NP, VECTOR_UD * 8 + IDT_BIT + EXT);
        gate_absent(VECTOR_DE);  // contributory twice
        EXPECT(ring, "xor ecx, ecx", "div ecx", VECTOR_DF, 0);
        gate_absent(VECTOR_GP);
        EXPECT(ring, "mov ecx, 0xFFF8", "mov ds, ecx", VECTOR_DF, 0);
        gate_absent(VECTOR_PF);
        with.ebx = (u32)window(0);
        EXPECT(ring, "", "mov eax, [ebx]", VECTOR_DF, 0);
        check("CR2 is the page fault's", last_cr2, (u32)window(0));
        gate_absent(0x30);
    }
    gate_absent(VECTOR_BP);
    EXPECT(0, "", "int3", VECTOR_NP, VECTOR_BP * 8 + IDT_BIT);

    // An external interrupt through an absent gate has EXT, too.
    gate_absent(PIC_VECTOR_BASE);
    pit_one_shot(100);
    pic_unmask(PIT_IRQ);
    while (!(pic_requests() & 1)) {
    }
    with.eflags = EFLAGS_IF;
    probe(0, SNIPPET("", "nop; nop; nop; nop"));
    check("external interrupt, absent gate: vector", last.vector, VECTOR_NP);
    check("error", last.error, PIC_VECTOR_BASE * 8 + IDT_BIT + EXT);
    finish();
}
