# The 256 interrupt entries and their common way in and out.  The order of the pushes is struct trap_frame.

#include <guestkit/selectors.h>

        .text

# Vectors with an error code of their own: #DF #TS #NP #SS #GP #PF #AC, SDM Vol. 3A, table 6-1.
        .macro  stub vector
        .balign 4
stub_\vector:
        .if !(\vector == 8 || (\vector >= 10 && \vector <= 14) || \vector == 17)
        pushl   $0
        .endif
        pushl   $\vector
        jmp     trap_entry
        .pushsection .rodata.stubs, "a"
        .long   stub_\vector
        .popsection
        .endm

        .pushsection .rodata.stubs, "a"
        .balign 4
        .globl  interrupt_stubs
interrupt_stubs:
        .popsection

        .altmacro
        .set    n, 0
        .rept   256
        stub    %n
        .set    n, n + 1
        .endr
        .noaltmacro

        .balign 16
trap_entry:
        pushal
        pushl   %ds
        pushl   %es
        pushl   %fs
        pushl   %gs
        movl    $KERNEL_DATA_SELECTOR, %eax
        movl    %eax, %ds
        movl    %eax, %es
        cld
        movl    %esp, %eax
        pushl   %eax
        call    dispatch_trap
        movl    %eax, %esp
trap_exit:
        popl    %gs
        popl    %fs
        popl    %es
        popl    %ds
        popal
        addl    $8, %esp
        iretl

        .globl  resume
resume:
        movl    4(%esp), %esp
        jmp     trap_exit

        .section .note.GNU-stack, "", @progbits
