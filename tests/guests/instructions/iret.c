// iret to the same ring and outwards: the state it brings back, and every selector that it refuses.
// SDM Vol. 2: IRET; which vector: its list of exceptions.
#include "descriptors.h"
#include "probe.h"

// EAX = CS, EDX = EFLAGS; for returns to ring 3 ECX = SS, ESI = ESP.  The target is the int 0x60 behind.
#define SAME "push edx; push eax; push offset 772f + 1"
#define OUTER "push ecx; push esi; " SAME

static void same(int ring, u16 cs, u32 flags, unsigned vector, u32 error) {
    with.eax = cs;
    with.edx = flags;
    EXPECT(ring, SAME, "iretd", vector, error);
    if (vector != NO_FAULT)
        check_quietly("iret that faults leaves ESP", last.esp, probe_stack_top(ring) - 12);
}

static void outer(u16 cs, u16 ss, unsigned vector, u32 error) {
    const struct snippet code = SNIPPET(OUTER, "iretd");
    with.eax = cs, with.ecx = ss, with.edx = EFLAGS_FIXED1, with.esi = probe_stack_top(3);
    if (vector != NO_FAULT) {
        expect(0, code, vector, error);
        check_quietly("iret that faults leaves ESP", last.esp, probe_stack_top(0) - 20);
        return;
    }
    probe(0, code);
    check("outer return ends with", last.vector, NO_FAULT);
    check("CS", last.cs, cs);
    check("SS", last.ss & 0xFFFF, ss);
    check("ESP", last.esp == probe_stack_top(3), 1);
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    descriptors_init();

    same(0, KERNEL_CODE, EFLAGS_FIXED1, NO_FAULT, 0);
    check("ESP after iret", last.esp, probe_stack_top(0));
    same(3, USER_CODE, EFLAGS_FIXED1, NO_FAULT, 0);
    same(0, 0, 0, VECTOR_GP, 0);
    same(0, KERNEL_DATA, 0, VECTOR_GP, KERNEL_DATA);
    same(0, BEYOND, 0, VECTOR_GP, BEYOND);
    same(0, 0x0C, 0, VECTOR_GP, 0x0C);
    same(0, ABSENT_CODE0, 0, VECTOR_NP, ABSENT_CODE0);
    same(0, LDT_SYSTEM, 0, VECTOR_GP, LDT_SYSTEM);
    same(0, USER_CODE & ~3, 0, VECTOR_GP, USER_CODE & ~3);
    same(3, KERNEL_CODE, 0, VECTOR_GP, KERNEL_CODE);
    same(3, USER_CODE & ~3, 0, VECTOR_GP, USER_CODE & ~3);  // RPL below CPL
    same(3, KERNEL_CODE | 3, 0, VECTOR_GP, KERNEL_CODE);
    same(3, FLAT_DATA3 | 3, 0, VECTOR_GP, FLAT_DATA3);
    same(3, 3, 0, VECTOR_GP, 0);
    same(3, CODE3 | 3, EFLAGS_FIXED1, NO_FAULT, 0);
    check("CS", last.cs, CODE3 | 3);
    same(3, CONFORMING0 | 3, EFLAGS_FIXED1, NO_FAULT, 0);
    check("CS, conforming", last.cs, CONFORMING0 | 3);
    // The selectors of a Linux host's own segments mean here what the guest's table says.
    same(3, 0x23, 0, VECTOR_GP, 0x20);
    same(3, 0x2B, 0, VECTOR_GP, 0x28);
    same(3, 0x33, 0, VECTOR_GP, 0x30);

    outer(USER_CODE, USER_DATA, NO_FAULT, 0);
    outer(CODE3 | 3, FLAT_DATA3 | 3, NO_FAULT, 0);
    outer(USER_CODE, 0, VECTOR_GP, 0);
    outer(USER_CODE, KERNEL_DATA, VECTOR_GP, KERNEL_DATA);
    outer(USER_CODE, USER_DATA & ~3, VECTOR_GP, USER_DATA & ~3);
    outer(USER_CODE, KERNEL_DATA | 3, VECTOR_GP, KERNEL_DATA);
    outer(USER_CODE, READ_ONLY3 | 3, VECTOR_GP, READ_ONLY3);
    outer(USER_CODE, CODE3 | 3, VECTOR_GP, CODE3);
    outer(USER_CODE, BEYOND | 3, VECTOR_GP, BEYOND);
    outer(KERNEL_CODE | 3, USER_DATA, VECTOR_GP, KERNEL_CODE);
    outer(0x23, USER_DATA, VECTOR_GP, 0x20);
    outer(0x33, 0x2B, VECTOR_GP, 0x30);

    // Flags: ring 0 sets all; ring 3 neither IOPL nor, with IOPL 0, IF.
    const u32 seen = EFLAGS_IF | EFLAGS_IOPL | EFLAGS_CF | EFLAGS_DF | EFLAGS_ID;
    same(0, KERNEL_CODE, seen, NO_FAULT, 0);
    check("ring 0 iret sets", last.eflags & seen, seen);
    same(3, USER_CODE, seen, NO_FAULT, 0);
    check("ring 3 iret sets", last.eflags & seen, EFLAGS_CF | EFLAGS_DF | EFLAGS_ID);
    with.eflags = EFLAGS_IOPL;
    same(3, USER_CODE, EFLAGS_IF, NO_FAULT, 0);
    check("with IOPL 3", last.eflags & seen, EFLAGS_IOPL | EFLAGS_IF);
    with.eflags = EFLAGS_IF;
    same(3, USER_CODE, 0, NO_FAULT, 0);
    check("ring 3 iret cannot clear IF", last.eflags & seen, EFLAGS_IF);

    // The 16-bit form: three words, the high half of EFLAGS stays, EIP is cut to 16 bits (hence code below 64
    // KiB).
    volatile u8* const low = (u8*)0x7000;
    low[0] = 0xCD, low[1] = NO_FAULT;
    with.eax = KERNEL_CODE, with.edx = EFLAGS_CF | EFLAGS_FIXED1, with.eflags = EFLAGS_ID;
    PROBE(0, "push dx; push ax; mov ax, 0x7000; push ax", "iretw");
    check("iretw goes to", last.eip, 0x7002);
    check("flags, 16 bits", last.eflags & (EFLAGS_CF | EFLAGS_ID), EFLAGS_CF | EFLAGS_ID);
    check("ESP", last.esp, probe_stack_top(0));

    // An outward return takes away segments that ring 3 may not have, and leaves the others.
    with.eax = USER_CODE, with.ecx = USER_DATA, with.edx = EFLAGS_FIXED1, with.esi = probe_stack_top(3);
    with.edi = USER_DATA, with.ebx = KERNEL_DATA;
    PROBE(0,
          "mov ds, edi; mov es, ebx; mov fs, ebx; mov gs, edi; push ecx; push esi; push edx; push eax; "
          "push offset 772f + 1",
          "iretd");
    check("DS stays", last.ds & 0xFFFF, USER_DATA);
    check("ES is taken away", last.es & 0xFFFF, 0);
    check("FS is taken away", last.fs & 0xFFFF, 0);
    check("GS stays", last.gs & 0xFFFF, USER_DATA);
    finish();
}
