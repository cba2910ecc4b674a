// int n, int3 and into: privilege of the gate, kinds of gates, broken gates, and the flags on both sides.
// SDM Vol. 2: INT n; Vol. 3A, section 6.12.
#include "descriptors.h"
#include "probe.h"

enum { V = 0x40 };

static void gate(u64 value) {
    idt[V] = value;
}
static u32 target(void) {
    const u64 g = idt[NO_FAULT];
    return (u32)(g & 0xFFFF) | ((u32)(g >> 32) & 0xFFFF0000);
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    descriptors_init();
    const u32 entry = target();  // the stub of vector 0x60: reports NO_FAULT
    const u32 error = V * 8 + 2;

    EXPECT_NO_FAULT(3, "", "int 0x60");
    EXPECT(3, "", "int 0x41", VECTOR_GP, 0x41 * 8 + 2);  // DPL 0
    EXPECT(3, "", "int 0x80", VECTOR_GP,
           0x80 * 8 + 2);  // the host's own system call gate is none of the guest's
    EXPECT(3, "", "int 0", VECTOR_GP, 2);
    EXPECT(3, "", "int 8", VECTOR_GP, 8 * 8 + 2);
    EXPECT(3, "", "int 14", VECTOR_GP, 14 * 8 + 2);
    EXPECT(3, "", "int 2", VECTOR_GP, 2 * 8 + 2);
    EXPECT(3, "", "int3", VECTOR_GP, 3 * 8 + 2);
    EXPECT(3, "", ".byte 0xCD, 3", VECTOR_GP, 3 * 8 + 2);
    EXPECT(3, "mov al, 0x7F; inc al", "into", VECTOR_GP, 4 * 8 + 2);
    expect_trap(0, SNIPPET("", "int3"), VECTOR_BP, 1);
    expect_trap(0, SNIPPET("", "int 3"), VECTOR_BP, 1);
    expect_trap(0, SNIPPET("", ".byte 0xCD, 3"), VECTOR_BP, 2);

    // Software may raise the vectors of exceptions that have an error code: none is pushed then.
    set_gate_access(VECTOR_GP, ACCESS_INTERRUPT_GATE | ACCESS_DPL3);
    PROBE(0, "", "int 5");
    check("int 5 is a plain interrupt", last.vector, 5);

    for (int ring = 0; ring <= 3; ring += 3) {
        const u32 flags = EFLAGS_IF | EFLAGS_CF | EFLAGS_ZF | EFLAGS_IOPL | EFLAGS_NT;
        gate(make_gate(KERNEL_CODE, entry, ACCESS_INTERRUPT_GATE | ACCESS_DPL3, 0));
        with.eflags = flags;
        EXPECT_NO_FAULT(ring, "", "int 0x40");
        check("pushed flags, interrupt gate", last.eflags, flags | EFLAGS_FIXED1);
        check("IF, TF and NT in the handler", last_handler_flags & (EFLAGS_IF | EFLAGS_TF | EFLAGS_NT), 0);
        gate(make_gate(KERNEL_CODE, entry, ACCESS_TRAP_GATE | ACCESS_DPL3, 0));
        with.eflags = flags;
        EXPECT_NO_FAULT(ring, "", "int 0x40");
        check("pushed flags, trap gate", last.eflags, flags | EFLAGS_FIXED1);
        check("IF, TF and NT in the handler", last_handler_flags & (EFLAGS_IF | EFLAGS_TF | EFLAGS_NT),
              EFLAGS_IF);
        with.eflags = EFLAGS_NT;
        EXPECT_NO_FAULT(ring, "", "int 0x40");
        check("a trap gate does not set IF", last_handler_flags & EFLAGS_IF, 0);

        gate(make_gate(KERNEL_CODE, entry, (ACCESS_INTERRUPT_GATE | ACCESS_DPL3) & ~ACCESS_PRESENT, 0));
        EXPECT(ring, "", "int 0x40", VECTOR_NP, error);
        gate(0);
        EXPECT(ring, "", "int 0x40", VECTOR_GP, error);
        gate(make_gate(KERNEL_CODE, entry, ACCESS_CALL_GATE | ACCESS_DPL3, 0));
        EXPECT(ring, "", "int 0x40", VECTOR_GP, error);
        gate(make_gate(0, entry, ACCESS_INTERRUPT_GATE | ACCESS_DPL3, 0));
        EXPECT(ring, "", "int 0x40", VECTOR_GP, 0);
        gate(make_gate(KERNEL_DATA, entry, ACCESS_INTERRUPT_GATE | ACCESS_DPL3, 0));
        EXPECT(ring, "", "int 0x40", VECTOR_GP, KERNEL_DATA);
        gate(make_gate(BEYOND, entry, ACCESS_INTERRUPT_GATE | ACCESS_DPL3, 0));
        EXPECT(ring, "", "int 0x40", VECTOR_GP, BEYOND);
        gate(make_gate(ABSENT_CODE0, entry, ACCESS_INTERRUPT_GATE | ACCESS_DPL3, 0));
        EXPECT(ring, "", "int 0x40", VECTOR_NP, ABSENT_CODE0);
    }
    // A gate cannot lead outwards.
    gate(make_gate(USER_CODE, entry, ACCESS_INTERRUPT_GATE | ACCESS_DPL3, 0));
    EXPECT(0, "", "int 0x40", VECTOR_GP, USER_CODE & ~3);
    finish();
}
