# Ring 3, and the interrupt entries.  The entries name SS, which is the kernel's: DS may be either one's.

#include <guestkit/selectors.h>
#include "nano.h"

        .text

# void nano_user(u32 times, code): runs that code in ring 3, where it is mapped for it, until it calls NANO_DONE
        .balign 4096
        .globl  nano_user
nano_user:
        pushal
        movl    36(%esp), %ebp
        movl    40(%esp), %ecx
        leal    NANO_USER_CODE(%ecx), %ecx
        subl    $guest_user_start, %ecx
        movl    %esp, nano_kernel_stack
        movl    $NANO_ABSENT, %edx
        xorl    %edi, %edi
        movl    $USER_DATA_SELECTOR, %eax
        movl    %eax, %ds
        movl    %eax, %es
        pushl   %eax
        pushl   $NANO_USER_STACK + 4096
        pushl   $2
        pushl   $USER_CODE_SELECTOR
        pushl   %ecx
        iretl

        .balign 4096
        .globl  nano_counted_entry, nano_done_entry, nano_clock_entry, nano_page_fault_entry, nano_divide_entry
nano_counted_entry:
        incl    %ss:nano_events
        iretl

nano_done_entry:
        movl    $KERNEL_DATA_SELECTOR, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %edi, nano_sum
        movl    nano_kernel_stack, %esp
        popal
        ret

# fnop ends an interpreted stretch (see rows.S): what is measured is an iret that the processor comes upon.
nano_clock_entry:
        fnop
        rdtsc
        movl    %eax, %esi
        iretl

# Both skip the instruction, which has two bytes.
nano_page_fault_entry:
        movl    %cr2, %eax
        addl    $4, %esp
        addl    $2, (%esp)
        incl    %ss:nano_events
        iretl

nano_divide_entry:
        addl    $2, (%esp)
        incl    %ss:nano_events
        iretl

# --- ring 3's code: runs at NANO_USER_CODE, so it names no address of its own
        .section .user, "ax"

        .macro  user_loop name, body
        .balign 4096
        .globl  nano_user_\name
nano_user_\name:
1:      \body
        nopl    0(%eax, %eax)
        fnop
        decl    %ebp
        jnz     1b
        int     $NANO_DONE
        .endm

        user_loop syscall,         "int $counted"
        user_loop user_page_fault, "movl (%edx), %eax"
# From the entry's rdtsc to this one.
        user_loop iret_to_user,    "int $clock; fnop; rdtsc; subl %esi, %eax; addl %eax, %edi"

        .bss
        .balign 4
nano_kernel_stack:
        .skip   4
        .globl  nano_events, nano_eax, nano_sum
nano_events:
        .skip   4
nano_eax:
        .skip   4
nano_sum:
        .skip   4

        .section .note.GNU-stack, "", @progbits
