// What the C and the assembler of the nanobenchmarks know of each other.
#pragma once

// Interrupt vectors: counted and returned from at once; back to the kernel for good; tells the time and
// returns.
#define NANO_COUNTED 0x81
#define NANO_DONE 0x82
#define NANO_CLOCK 0x83

// Linear addresses: ring 3's code and stack, a page that is never there, and one whose entry is changed.
#define NANO_USER_CODE 0x00400000
#define NANO_USER_STACK 0x00600000
#define NANO_ABSENT 0x00800000
#define NANO_CHANGED 0x00C00000
// Reset value of the local APIC's base (SDM Vol. 3A, section 10.4.1), and its task priority register.
#define NANO_APIC 0xFEE00000
#define NANO_APIC_TPR (NANO_APIC + 0x80)

// clang-format off
#ifdef __ASSEMBLER__
// The preprocessor leaves strings alone, and the rows are strings: these are names that the assembler knows.
        .set    counted, NANO_COUNTED
        .set    clock, NANO_CLOCK
        .set    changed_page, NANO_CHANGED
        .set    absent_page, NANO_ABSENT
        .set    apic_tpr, NANO_APIC_TPR
        .set    kernel_code, KERNEL_CODE_SELECTOR
        .set    kernel_data, KERNEL_DATA_SELECTOR
// clang-format on
#else
#include <guestkit/types.h>

/// A row: `run` executes it so many times in a row.  SDM names are in `name`.
struct nano_row {
    const char* name;
    void (*run)(u32 times);
    u32 events;           ///< interrupts and exceptions that each time causes: they are counted
    u32 mask, expected;   ///< of EAX after the last time; mask 0: it does not matter
    u32 measures_itself;  ///< the result is nano_sum, not the time that run() took
};
extern const struct nano_row nano_rows[], nano_rows_end[];

extern volatile u32 nano_events, nano_eax, nano_sum;
extern u32* nano_entry;      ///< of NANO_CHANGED
extern u32 nano_entries[2];  ///< the two values that it takes in turn

// Interrupt entries, without a word of C.
void nano_counted_entry(void);
void nano_done_entry(void);
void nano_clock_entry(void);
void nano_page_fault_entry(void);
void nano_divide_entry(void);
#endif
