// The demonstration guest: a small operating system in three files.
//
//   kernel.c   starts everything, system calls, the end
//   process.c  two processes, each with its own page directory; the timer takes turns
//   memory.c   address spaces: pages come when they are touched, and are copied when they are written
//   user/      the program that the processes run at ring 3
#pragma once

#include <guestkit/interrupts.h>
#include <guestkit/paging.h>

// --- the layout of an address space
enum {
    PROGRAM_BASE = 0x00400000,  ///< code and data, from the image
    STACK_TOP = 0x00800000,     ///< grows down to STACK_LIMIT
    STACK_LIMIT = 0x007F0000,
    NOTICE_PAGE = 0x00900000,  ///< read-only for the processes: what the kernel publishes
};
#define KERNEL_BASE 0xC0000000u

/// What the kernel shows its processes without a system call.
struct notice {
    volatile u32 lines_printed, processes_ended;
};

// --- system calls: number in eax
enum { CALL_PRINT, CALL_FORK, CALL_EXIT };

// --- process.c
struct process {
    u32 id;  ///< 0: a free slot
    page_entry* directory;
    struct trap_frame* frame;  ///< where it stopped, on its kernel stack
    u8* kernel_stack;          ///< one page
};
extern struct process* current;
extern u32 switches_by_timer;

/// A process that starts at PROGRAM_BASE with nothing mapped.
void process_create(void);
/// A copy of the current process; returns its id.
u32 process_fork(const struct trap_frame* frame);
/// Ends the current process; returns the frame of another, or null when it was the last.
struct trap_frame* process_end(void);
/// Saves the frame and returns that of the next process, with its address space and kernel stack in place.
struct trap_frame* process_switch(struct trap_frame* frame);
/// Starts the first process.
void process_start(void) __attribute__((noreturn));

// --- memory.c
struct fault_counts {
    u32 image, zero, copied, reused;
};
extern struct fault_counts faults;
extern struct notice* notice;

/// The kernel's own page directory; turns it on and gives up the boot tables.
void memory_init(void);
page_entry* space_create(void);
/// Shares every page of the parent; the first write to one copies it.
page_entry* space_fork(page_entry* parent);
void space_destroy(page_entry* directory);
/// Deals with a page fault at ring 3: false if the address is none of the process's.
bool space_fault(page_entry* directory, u32 address, u32 error);
