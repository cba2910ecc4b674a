// The GDT and the task state segment.  SDM Vol. 3A, sections 3.4.5 and 8.2.1.
#pragma once

#include <guestkit/selectors.h>
#include <guestkit/types.h>

// The selectors that segments_init() sets up: flat code and data for both rings, one TSS.
enum {
    KERNEL_CODE = KERNEL_CODE_SELECTOR,
    KERNEL_DATA = KERNEL_DATA_SELECTOR,
    USER_CODE = USER_CODE_SELECTOR,
    USER_DATA = USER_DATA_SELECTOR,
    TSS_SELECTOR = 0x28,
    FIRST_FREE_SELECTOR = 0x30,
    GDT_ENTRIES = 32,
};

// Access bytes: P = 1, DPL, S, type.  SDM Vol. 3A, tables 3-1 and 3-2.
enum {
    ACCESS_DATA = 0x93,
    ACCESS_DATA_READ_ONLY = 0x91,
    ACCESS_DATA_EXPAND_DOWN = 0x97,
    ACCESS_CODE = 0x9B,
    ACCESS_CODE_EXECUTE_ONLY = 0x99,
    ACCESS_CODE_CONFORMING = 0x9F,
    ACCESS_LDT = 0x82,
    ACCESS_TSS = 0x89,
    ACCESS_TASK_GATE = 0x85,
    ACCESS_CALL_GATE = 0x8C,
    ACCESS_INTERRUPT_GATE = 0x8E,
    ACCESS_TRAP_GATE = 0x8F,
    ACCESS_DPL3 = 0x60,
    ACCESS_PRESENT = 0x80,
};
// The upper nibble beside the limit: granularity and default size.
enum { SEGMENT_32BIT = 0x4, SEGMENT_4K = 0x8 };

struct tss {
    u32 back_link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
    u32 es, cs, ss, ds, fs, gs, ldt;
    u16 trap, io_map_base;
};
_Static_assert(sizeof(struct tss) == 104, "SDM Vol. 3A, figure 8-2");

extern u64 gdt[GDT_ENTRIES];
extern struct tss tss;

/// A segment or system descriptor; limit is the raw 20-bit field, flags are SEGMENT_32BIT | SEGMENT_4K.
u64 make_descriptor(u32 base, u32 limit, unsigned access, unsigned flags);
/// A call, interrupt, trap or task gate.
u64 make_gate(u16 selector, u32 offset, unsigned access, unsigned parameters);
/// The GDT slot that a selector names.
static inline u64* gdt_slot(u16 selector) {
    return &gdt[selector >> 3];
}

/// Builds and loads the GDT, reloads every segment register, loads TR.  Called by the start code.
void segments_init(void);
/// The stack on which interrupts from ring 3 arrive: the address behind its last byte.
void set_kernel_stack(u32 top);
