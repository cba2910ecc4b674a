// Ring 3: entering it, and being called from it.
#pragma once

#include <guestkit/interrupts.h>

enum { SYSTEM_CALL_VECTOR = 0x80 };

/// A frame that starts ring 3 at `entry` with interrupts on; place it anywhere and resume() it.
struct trap_frame user_frame(u32 entry, u32 stack_top);

/// Number in eax, arguments in ebx, ecx, edx; the result goes to eax.
typedef u32 system_call_handler(u32 number, u32 a, u32 b, u32 c, struct trap_frame* frame);
/// Opens int 0x80 to ring 3.
void system_calls_init(system_call_handler* handler);

/// The caller's side.
static inline u32 system_call(u32 number, u32 a, u32 b, u32 c) {
    u32 result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
    return result;
}
