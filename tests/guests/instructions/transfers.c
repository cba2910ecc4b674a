// Far call, far jmp and far ret: direct and through memory, same ring, outwards, through call gates with a
// stack switch and parameters, and every refusal.  SDM Vol. 2: CALL, JMP, RET; Vol. 3A, section 5.8.
#include "descriptors.h"
#include "probe.h"

static u32 far_pointer[2];

/// Sets the operand of a far transfer through memory: to the int 0x60 behind a 2-byte `call/jmp [ebx]`.
static void aim(struct snippet code, u16 selector) {
    far_pointer[0] = (u32)code.at + 2;
    far_pointer[1] = selector;
    with.ebx = (u32)far_pointer;
}

struct attempt {
    u16 selector;
    u8 ring, vector;
    u16 error, cs;
};
static const struct attempt attempts[] = {
    {KERNEL_CODE, 0, NO_FAULT, 0, KERNEL_CODE},
    {USER_CODE, 3, NO_FAULT, 0, USER_CODE},
    {KERNEL_CODE | 3, 0, VECTOR_GP, KERNEL_CODE, 0},
    {USER_CODE & ~3, 3, NO_FAULT, 0, USER_CODE},
    {0, 0, VECTOR_GP, 0, 0},
    {3, 3, VECTOR_GP, 0, 0},
    {USER_CODE, 0, VECTOR_GP, USER_CODE & ~3, 0},
    {KERNEL_CODE, 3, VECTOR_GP, KERNEL_CODE, 0},
    {KERNEL_DATA, 0, VECTOR_GP, KERNEL_DATA, 0},
    {USER_DATA, 3, VECTOR_GP, USER_DATA & ~3, 0},
    {BEYOND, 0, VECTOR_GP, BEYOND, 0},
    {BEYOND | 3, 3, VECTOR_GP, BEYOND, 0},
    {0x0F, 3, VECTOR_GP, 0x0C, 0},
    {ABSENT_CODE0, 0, VECTOR_NP, ABSENT_CODE0, 0},
    {CONFORMING0, 0, NO_FAULT, 0, CONFORMING0},
    {CONFORMING0, 3, NO_FAULT, 0, CONFORMING0 | 3},
    {CONFORMING3 | 3, 0, VECTOR_GP, CONFORMING3, 0},
    {EXECUTE_ONLY3 | 3, 3, NO_FAULT, 0, EXECUTE_ONLY3 | 3},
    {LDT_SYSTEM, 0, VECTOR_GP, LDT_SYSTEM, 0},
    {LDT_USER | 3, 3, VECTOR_GP, LDT_USER, 0},
    {0x23, 3, VECTOR_GP, 0x20, 0},
    {0x2B, 3, VECTOR_GP, 0x28, 0},
    {0x33, 3, VECTOR_GP, 0x30, 0},
    {0x33, 0, VECTOR_GP, 0x30, 0},
};

static void through_memory(struct snippet code, bool is_call) {
    for (unsigned i = 0; i < sizeof attempts / sizeof *attempts; ++i) {
        const struct attempt a = attempts[i];
        aim(code, a.selector);
        expect(a.ring, code, a.vector, a.error);
        const u32 moved = probe_stack_top(a.ring) - last.esp;
        check_quietly("stack use", moved, is_call && a.vector == NO_FAULT ? 8 : 0);
        if (a.vector != NO_FAULT) continue;
        check_quietly("CS", last.cs, a.cs);
        if (!is_call) continue;
        const u32* const pushed = (const u32*)last.esp;
        check_quietly("return address", pushed[0], (u32)code.at + 2);
        check_quietly("return CS", pushed[1] & 0xFFFF, a.ring ? USER_CODE : KERNEL_CODE);
    }
}

extern const char gate_entry[], gate_entry_returns[];
__asm__(
    ".pushsection .user, \"ax\"\n"
    "gate_entry: int $0x60\n"
    "gate_entry_returns: lret $8\n"
    ".popsection");

static void set_gate(u16 code, const char* entry, unsigned access, unsigned parameters) {
    *gdt_slot(CALL_GATE3) = make_gate(code, (u32)entry, access, parameters);
}
#define CALL_THE_GATE ".byte 0x9A; .long 0xDEADBEEF; .word 0x93"  // the offset is ignored

static void call_gates(void) {
    const unsigned open = ACCESS_CALL_GATE | ACCESS_DPL3;
    set_gate(KERNEL_CODE, gate_entry, open, 2);
    const struct snippet code = SNIPPET("push 0x1111; push 0x2222", CALL_THE_GATE);
    probe(3, code);
    check("the gate leads to", last.eip == (u32)gate_entry + 2, 1);
    check("in ring 0", last.cs, KERNEL_CODE);
    const u32* const frame = (const u32*)last.esp;
    check("on the TSS's stack, six words", tss.esp0 - last.esp, 24);
    check("return address", frame[0] == (u32)code.at + 7, 1);
    check("return CS", frame[1] & 0xFFFF, USER_CODE);
    check("last parameter", frame[2], 0x2222);
    check("first parameter", frame[3], 0x1111);
    check("caller's ESP", probe_stack_top(3) - frame[4], 8);
    check("caller's SS", frame[5] & 0xFFFF, USER_DATA);

    // There and back: ret 8 drops the parameters from both stacks.
    set_gate(KERNEL_CODE, gate_entry_returns, open, 2);
    EXPECT_NO_FAULT(3, "push 0x1111; push 0x2222; sub esp, 4; add esp, 4", CALL_THE_GATE);
    check("back in ring 3", last.cs, USER_CODE);
    check("with the parameters gone", last.esp, probe_stack_top(3));

    // Without a change of ring there is no stack switch and nothing is copied.
    set_gate(KERNEL_CODE, gate_entry, open, 2);
    PROBE(0, "push 0x1111; push 0x2222", CALL_THE_GATE);
    check("gate at ring 0: stack use", probe_stack_top(0) - last.esp, 16);

    set_gate(KERNEL_CODE, gate_entry, ACCESS_CALL_GATE, 0);
    EXPECT(3, "", CALL_THE_GATE, VECTOR_GP, CALL_GATE3);  // gate of DPL 0
    set_gate(KERNEL_CODE, gate_entry, open & ~ACCESS_PRESENT, 0);
    EXPECT(3, "", CALL_THE_GATE, VECTOR_NP, CALL_GATE3);
    set_gate(0, gate_entry, open, 0);
    EXPECT(3, "", CALL_THE_GATE, VECTOR_GP, 0);
    set_gate(KERNEL_DATA, gate_entry, open, 0);
    EXPECT(3, "", CALL_THE_GATE, VECTOR_GP, KERNEL_DATA);
    set_gate(ABSENT_CODE0, gate_entry, open, 0);
    EXPECT(3, "", CALL_THE_GATE, VECTOR_NP, ABSENT_CODE0);
    set_gate(KERNEL_CODE, gate_entry, open, 0);
    EXPECT(3, "", ".byte 0xEA; .long 0; .word 0x93", VECTOR_GP, KERNEL_CODE);  // jmp cannot go inwards
    PROBE(0, "", ".byte 0xEA; .long 0; .word 0x90");
    check("jmp through a gate at ring 0", last.eip == (u32)gate_entry + 2, 1);
}

// EAX = CS; ECX = SS and ESI = ESP for returns outwards.
static void far_return(int ring, u16 cs, unsigned vector, u32 error) {
    with.eax = cs;
    EXPECT(ring, "push eax; push offset 772f + 1", "retf", vector, error);
    check_quietly("ESP", probe_stack_top(ring) - last.esp, vector == NO_FAULT ? 0 : 8);
}

static void far_returns(void) {
    far_return(0, KERNEL_CODE, NO_FAULT, 0);
    far_return(3, USER_CODE, NO_FAULT, 0);
    far_return(0, 0, VECTOR_GP, 0);
    far_return(0, KERNEL_DATA, VECTOR_GP, KERNEL_DATA);
    far_return(0, BEYOND, VECTOR_GP, BEYOND);
    far_return(0, ABSENT_CODE0, VECTOR_NP, ABSENT_CODE0);
    far_return(3, KERNEL_CODE, VECTOR_GP, KERNEL_CODE);
    far_return(3, KERNEL_CODE | 3, VECTOR_GP, KERNEL_CODE);
    far_return(3, USER_CODE & ~3, VECTOR_GP, USER_CODE & ~3);
    far_return(3, 0x33, VECTOR_GP, 0x30);
    far_return(3, 0x23, VECTOR_GP, 0x20);

    with.eax = USER_CODE, with.ecx = USER_DATA, with.esi = probe_stack_top(3) - 12;
    EXPECT_NO_FAULT(3, "", "nop");
    with.eax = USER_CODE, with.ecx = USER_DATA, with.esi = probe_stack_top(3) - 12;
    PROBE(0, "push ecx; push esi; sub esp, 12; push eax; push offset 772f + 3", "retf 12");
    check("outward ret ends with", last.vector, NO_FAULT);
    check("in ring 3", last.cs, USER_CODE);
    check("drops the parameters there too", last.esp, probe_stack_top(3));
    with.eax = USER_CODE, with.ecx = KERNEL_DATA, with.esi = probe_stack_top(3);
    EXPECT(0, "push ecx; push esi; push eax; push offset 772f + 1", "retf", VECTOR_GP, KERNEL_DATA);
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    descriptors_init();
    through_memory(SNIPPET("", "jmp fword ptr [ebx]"), false);
    through_memory(SNIPPET("", "call fword ptr [ebx]"), true);
    // Direct, with the selector in the instruction.
    EXPECT_NO_FAULT(0, "", ".byte 0xEA; .long 773f; .word 0x08; ud2; 773: nop");
    EXPECT_NO_FAULT(3, "", ".byte 0xEA; .long 773f; .word 0x1B; ud2; 773: nop");
    EXPECT(3, "", ".byte 0xEA; .long 773f; .word 0x33; 773: nop", VECTOR_GP, 0x30);
    EXPECT(3, "", ".byte 0xEA; .long 773f; .word 0x08; 773: nop", VECTOR_GP, 0x08);
    EXPECT_NO_FAULT(3, "", ".byte 0x9A; .long 773f; .word 0x1B; jmp 774f; 773: retf; 774: nop");
    check("call and ret", last.esp, probe_stack_top(3));
    EXPECT(3, "", ".byte 0xFF, 0xE8", VECTOR_UD, 0);  // far jmp with a register operand
    EXPECT(3, "", ".byte 0xFF, 0xD8", VECTOR_UD, 0);  // far call
    call_gates();
    far_returns();
    finish();
}
