#include <guestkit/cpu.h>
#include <guestkit/user.h>

static system_call_handler* on_call;

static struct trap_frame* enter(struct trap_frame* f) {
    f->eax = on_call(f->eax, f->ebx, f->ecx, f->edx, f);
    return f;
}

void system_calls_init(system_call_handler* handler) {
    on_call = handler;
    set_handler(SYSTEM_CALL_VECTOR, enter);
    set_gate_access(SYSTEM_CALL_VECTOR, ACCESS_INTERRUPT_GATE | ACCESS_DPL3);
}

struct trap_frame user_frame(u32 entry, u32 stack_top) {
    return (struct trap_frame){
        .gs = USER_DATA,
        .fs = USER_DATA,
        .es = USER_DATA,
        .ds = USER_DATA,
        .eip = entry,
        .cs = USER_CODE,
        .eflags = EFLAGS_IF | EFLAGS_FIXED1,
        .esp = stack_top,
        .ss = USER_DATA,
    };
}
