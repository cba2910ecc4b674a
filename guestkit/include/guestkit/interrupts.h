// Exceptions and interrupts: the IDT, the stubs, and handlers in C.  SDM Vol. 3A, chapter 6.
#pragma once

#include <guestkit/segments.h>

/// What a stub leaves on the stack, lowest address first.
struct trap_frame {
    u32 gs, fs, es, ds;
    u32 edi, esi, ebp, esp_at_pusha, ebx, edx, ecx, eax;
    u32 vector, error;  ///< error is 0 for vectors that have none
    u32 eip, cs, eflags;
    u32 esp, ss;  ///< pushed by the processor only when it came from ring 3
};

static inline bool from_user(const struct trap_frame* f) {
    return (f->cs & 3) == 3;
}

/// Returns the frame to resume: its argument, or that of another task.
typedef struct trap_frame* trap_handler(struct trap_frame*);

/// Fills all 256 gates (interrupt gates, DPL 0) and loads IDTR.  Called by the start code.
void interrupts_init(void);
/// handler 0 restores the default: exceptions are printed and end the guest with debug_exit(1).
void set_handler(unsigned vector, trap_handler* handler);
/// access is ACCESS_INTERRUPT_GATE or ACCESS_TRAP_GATE, with ACCESS_DPL3 for gates that ring 3 may call.
void set_gate_access(unsigned vector, unsigned access);
extern u64 idt[256];

/// Leaves through a frame as if its interrupt had just been handled.
void resume(struct trap_frame* frame) __attribute__((noreturn));
