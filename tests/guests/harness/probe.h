// Runs a few instructions at ring 0 or ring 3 and tells how they ended: the vector, its error code, where
// EIP, CR2 and every register stood.  A test guest is a list of EXPECT lines.
//
//     EXPECT(3, "", "cli", VECTOR_GP, 0);           // setup, instruction, what it must end in
//     EXPECT_NO_FAULT(0, "mov eax, 5", "inc eax");
//     check("inc", last.eax, 6);
//
// Snippets are in Intel syntax, the SDM's.  They are assembled into their own section; behind each stands
// `int 0x60`, whose gate is open to both rings.
#pragma once

#include <guestkit/console.h>
#include <guestkit/cpu.h>
#include <guestkit/interrupts.h>
#include <guestkit/multiboot.h>
#include <guestkit/paging.h>
#include <guestkit/power.h>
#include <guestkit/string.h>

enum { NO_FAULT = 0x60 };

struct snippet {
    const char* start;
    const char* at;  ///< the instruction under test
    const char* text;
};

/// The general registers and flags with which a snippet starts.  Reset to zeros (and EFLAGS 2) after each
/// run.
struct probe_registers {
    u32 eax, ebx, ecx, edx, esi, edi, ebp, eflags;
};
extern struct probe_registers with;
/// The selectors with which a ring-3 snippet starts; ds goes to es as well.  Reset to flat segments after
/// each run.
struct probe_segments {
    u16 cs, ss, ds;
    u32 esp, eip_offset;
};
extern struct probe_segments with_segments;

/// How the last snippet ended: the trap frame, with esp and ss filled in for ring 0 too.
extern struct trap_frame last;
extern u32 last_cr2;
extern u32 last_handler_flags;  ///< EFLAGS as the handler found them

/// Where a snippet's stack starts: 256 zero words lie above it, 3 KiB below.
extern u8 probe_stack[2][4096];
static inline u32 probe_stack_top(int ring) {
    return (u32)probe_stack[ring == 3] + 3072;
}

void probe_init(void);
/// Lets one more vector, an interrupt's say, end a snippet.
void probe_catch(unsigned vector);
void probe(int ring, struct snippet code);
void expect(int ring, struct snippet code, unsigned vector, u32 error);
/// Besides the vector: EIP just behind the instruction, as traps (int n, int3, single step) leave it.
void expect_trap(int ring, struct snippet code, unsigned vector, unsigned length);
/// One PASS or FAIL line.
void check(const char* what, u32 got, u32 want);
/// A FAIL line if it differs, nothing if it does not: for what a loop would print a hundred times.
void check_quietly(const char* what, u32 got, u32 want);
/// Says how many checks there were and leaves by debug_exit: 0, or 1 if any failed.
void finish(void) __attribute__((noreturn));

#define SNIPPET(setup, instruction)                                                        \
    ({                                                                                     \
        struct snippet s_ = {.text = instruction};                                         \
        __asm__ volatile(".pushsection .user, \"ax\"\n.intel_syntax noprefix\n771: " setup \
                         "\n772: " instruction                                             \
                         "\nint 0x60\n.att_syntax prefix\n.popsection\n"                   \
                         "movl $771b, %0\nmovl $772b, %1"                                  \
                         : "=r"(s_.start), "=r"(s_.at));                                   \
        s_;                                                                                \
    })
#define PROBE(ring, setup, instruction) probe(ring, SNIPPET(setup, instruction))
#define EXPECT(ring, setup, instruction, vector, error) \
    expect(ring, SNIPPET(setup, instruction), vector, error)
#define EXPECT_NO_FAULT(ring, setup, instruction) EXPECT(ring, setup, instruction, NO_FAULT, 0)
/// Allowed at ring 0, #GP(0) at ring 3.
#define EXPECT_PRIVILEGED(setup, instruction)        \
    do {                                             \
        EXPECT_NO_FAULT(0, setup, instruction);      \
        EXPECT(3, setup, instruction, VECTOR_GP, 0); \
    } while (0)
#define EXPECT_EVERYWHERE(setup, instruction)   \
    do {                                        \
        EXPECT_NO_FAULT(0, setup, instruction); \
        EXPECT_NO_FAULT(3, setup, instruction); \
    } while (0)
