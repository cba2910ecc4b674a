// The trap flag: one #DB behind each instruction, sensitive ones included; int clears it, iret brings it
// back, and a repeated string instruction traps at each turn.  SDM Vol. 3B, section 17.3.1.4.
#include "probe.h"

enum { MOST = 64 };
static u32 eips[MOST], steps;
static const char* origin;

static struct trap_frame* step(struct trap_frame* f) {
    if (steps < MOST) eips[steps] = f->eip - (u32)origin;
    ++steps;
    return f;
}
static struct trap_frame* nothing(struct trap_frame* f) {
    return f;
}

/// Steps a snippet from its start; prints the offsets at which it trapped.
static void trace(int ring, const char* what, struct snippet code, u32 flags) {
    steps = 0;
    origin = code.start;
    with.eflags = EFLAGS_TF | flags;
    probe(ring, code);
    print("ring %d, %s:", ring, what);
    for (u32 i = 0; i < steps && i < MOST; ++i) print(" %x", eips[i]);
    print("; ends with %x\n", last.vector);
    check_quietly("ends", last.vector, NO_FAULT);
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    set_handler(VECTOR_DB, step);
    set_handler(0x61, nothing);
    set_gate_access(0x61, ACCESS_INTERRUPT_GATE | ACCESS_DPL3);
    for (int ring = 0; ring <= 3; ring += 3) {
        trace(ring, "plain", SNIPPET("", "nop; inc eax; mov ebx, 5; jmp 1f; ud2; 1: nop"), 0);
        check("steps", steps, 5);
        trace(ring, "stack and flags",
              SNIPPET("", "pushfd; pop eax; push eax; popfd; push ds; pop ds; smsw ecx"), 0);
        check("pushf sees TF", last.eax & EFLAGS_TF, EFLAGS_TF);
        check("steps", steps, 7);
        trace(ring, "privileged, with IOPL 3", SNIPPET("", "cli; in al, 0x21; cli; nop"), EFLAGS_IOPL);
        check("steps", steps, 4);
        trace(ring, "loop", SNIPPET("", "mov ecx, 3; 1: dec ecx; jnz 1b; nop"), 0);
        check("steps", steps, 8);
        with.edi = probe_stack_top(ring) - 256;
        trace(ring, "rep stosb", SNIPPET("mov ecx, 4; lea edi, [esp - 64]", "rep stosb; nop"), 0);
        check("steps", steps, 7);
        trace(ring, "mov ss shadows", SNIPPET("", "mov eax, ss; mov ss, eax; nop; nop"), 0);
        check("steps", steps, 3);
        trace(ring, "switched off", SNIPPET("", "nop; push 2; popfd; nop; nop"), 0);
        check("steps", steps, 3);
        trace(ring, "call and ret", SNIPPET("", "call 1f; jmp 2f; 1: ret; 2: nop"), 0);
        check("steps", steps, 4);
    }
    // No step inside the handler of int, and none right behind the int either: its iret restores TF, which
    // counts from the next instruction on.
    trace(3, "through int 0x61", SNIPPET("", "nop; int 0x61; nop; nop"), 0);
    check("steps", steps, 3);
    trace(0, "cr and dr moves",
          SNIPPET("", "mov eax, cr0; mov cr0, eax; mov eax, dr7; mov eax, cr3; mov cr3, eax"), 0);
    check("steps", steps, 5);
    finish();
}
