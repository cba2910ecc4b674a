#include "probe.h"

#include <guestkit/pic.h>

struct probe_registers with;
struct probe_segments with_segments;
struct trap_frame last;
u32 last_cr2, last_handler_flags;
u8 probe_stack[2][4096] __attribute__((aligned(4096)));

static u8 trap_stack[4096] __attribute__((aligned(16)));
static const char* running;  // the snippet's start, or null
static unsigned checks, failures;

void probe_enter(struct trap_frame* frame);  // probe_switch.S: returns when probe_leave is called
void probe_leave(void) __attribute__((noreturn));

static struct trap_frame* on_event(struct trap_frame* f) {
    if (!running) {
        print("FAIL stray vector %u error %x at %x:%x cr2 %x\n", f->vector, f->error, f->cs, f->eip,
              read_cr2());
        debug_exit(1);
    }
    last_handler_flags = read_eflags();
    const bool outer = from_user(f);
    // At ring 0 the processor pushed no stack pointer: it is where the frame ends.
    memcpy(&last, f, outer ? sizeof last : offsetof(struct trap_frame, esp));
    if (!outer) {
        last.esp = (u32)&f->esp;
        last.ss = KERNEL_DATA;
    }
    last_cr2 = read_cr2();
    probe_leave();
}

void probe_init(void) {
    pic_init();  // the firmware may have left the timer on: a snippet with IF = 1 must not meet it
    for (unsigned v = 0; v < 0x20; ++v) set_handler(v, on_event);
    set_handler(NO_FAULT, on_event);
    set_gate_access(NO_FAULT, ACCESS_INTERRUPT_GATE | ACCESS_DPL3);
    set_kernel_stack((u32)(trap_stack + sizeof trap_stack));
    with_segments = (struct probe_segments){USER_CODE, USER_DATA, USER_DATA, probe_stack_top(3), 0};
}

void probe_catch(unsigned vector) {
    set_handler(vector, on_event);
}

void probe(int ring, struct snippet code) {
    const bool user = ring == 3;
    struct trap_frame start = {
        .gs = 0,
        .fs = 0,
        .es = user ? with_segments.ds : KERNEL_DATA,
        .ds = user ? with_segments.ds : KERNEL_DATA,
        .edi = with.edi,
        .esi = with.esi,
        .ebp = with.ebp,
        .ebx = with.ebx,
        .edx = with.edx,
        .ecx = with.ecx,
        .eax = with.eax,
        .eip = (u32)code.start - (user ? with_segments.eip_offset : 0),
        .cs = user ? with_segments.cs : KERNEL_CODE,
        .eflags = with.eflags | EFLAGS_FIXED1,
        .esp = user ? with_segments.esp : probe_stack_top(0),
        .ss = user ? with_segments.ss : KERNEL_DATA,
    };
    running = code.start;
    probe_enter(&start);
    running = 0;
    last.eip += user ? with_segments.eip_offset : 0;  // reported as a linear address
    with = (struct probe_registers){0};
    with_segments = (struct probe_segments){USER_CODE, USER_DATA, USER_DATA, probe_stack_top(3), 0};
}

static const char* name_of(unsigned vector) {
    static const char* const names[] = {"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "9",
                                        "#TS", "#NP", "#SS", "#GP", "#PF", "15",  "#MF", "#AC", "#MC", "#XM"};
    if (vector == NO_FAULT) return "no fault";
    return vector < sizeof names / sizeof *names ? names[vector] : "?";
}

static void report(int ring, struct snippet code, unsigned vector, u32 error, u32 eip) {
    const bool eip_right = vector == NO_FAULT || last.eip == eip;
    const bool ring_right = (last.cs & 3) == (u32)ring;
    const bool passed = last.vector == vector && last.error == error && eip_right && ring_right;
    ++checks;
    failures += !passed;
    print("%s ring %d, %s: %s(%x)", passed ? "PASS" : "FAIL", ring, code.text, name_of(last.vector),
          last.error);
    if (!passed)
        print(", wanted %s(%x); eip %d too far, cs %x", name_of(vector), error, (int)(last.eip - eip),
              last.cs);
    print("\n");
}

void expect(int ring, struct snippet code, unsigned vector, u32 error) {
    probe(ring, code);
    report(ring, code, vector, error, (u32)code.at);
}

void expect_trap(int ring, struct snippet code, unsigned vector, unsigned length) {
    probe(ring, code);
    report(ring, code, vector, 0, (u32)code.at + length);
}

void check_quietly(const char* what, u32 got, u32 want) {
    ++checks;
    if (got == want) return;
    ++failures;
    print("FAIL %s: got %x, wanted %x\n", what, got, want);
}

void check(const char* what, u32 got, u32 want) {
    check_quietly(what, got, want);
    if (got == want) print("PASS %s: %x\n", what, got);
}

void finish(void) {
    print("%u checks, %u failed\n", checks, failures);
    debug_exit(failures ? 1 : 0);
}
