# Into a form and out of it, in the manner of setjmp.
#
# The guest must be its own master at every --sensitive level, even where the holes are open: IF is set by sti and
# cli, which fault, and never by popf, which does not.

#include <guestkit/selectors.h>

        .text
        .globl  form_enter, form_leave

# void form_enter(void): starts what `entry` describes; returns when form_leave is called.
form_enter:
        pushl   %ebp
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        movl    %esp, saved_esp
        movl    $KERNEL_DATA_SELECTOR, %eax
        movl    %eax, %fs
        movl    %eax, %gs
        testl   $0x200, entry_eflags
        jnz     1f
        call    load_registers
        cli
        jmp     2f
1:      call    load_registers
        sti
2:      movl    entry_esp, %esp
        jmp     *entry_eip

load_registers:
        movl    entry_eflags, %eax
        andl    $~0x200, %eax
        pushl   %eax
        popfl
        movl    entry_eax, %eax
        movl    entry_ecx, %ecx
        movl    entry_edx, %edx
        movl    entry_ebx, %ebx
        movl    entry_ebx, %edi
        movl    entry_esi, %esi
        ret

# void form_leave(void): from wherever an event has led.
form_leave:
        cli
        movl    $KERNEL_DATA_SELECTOR, %eax
        movl    %eax, %ss
        movl    saved_esp, %esp
        movl    %eax, %ds
        movl    %eax, %es
        pushl   $2
        popfl
        popl    %edi
        popl    %esi
        popl    %ebx
        popl    %ebp
        ret

        .bss
        .balign 4
saved_esp:
        .skip   4

        .section .note.GNU-stack, "", @progbits
