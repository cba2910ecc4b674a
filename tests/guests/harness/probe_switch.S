# The way into a snippet and the way back, in the manner of setjmp.

#include <guestkit/selectors.h>

        .text
        .globl  probe_enter, probe_leave

# void probe_enter(struct trap_frame*): remembers where it was called, then starts the frame.  A ring-3 frame goes
# through iret with a new stack; a ring-0 one keeps CS, so ESP must be moved and the rest copied below it.
probe_enter:
        movl    4(%esp), %eax
        pushl   %ebp
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        movl    %esp, saved_esp
        movl    %eax, %esi
        testl   $3, 60(%esi)                    # cs
        jnz     1f
        movl    68(%esi), %edi                  # esp; 17 words lie below esp and ss in struct trap_frame
        subl    $68, %edi
        movl    %edi, %eax
        movl    $17, %ecx
        cld
        rep movsl
1:      pushl   %eax
        call    resume

probe_leave:
        movl    saved_esp, %esp
        movl    $KERNEL_DATA_SELECTOR, %eax
        movl    %eax, %ds
        movl    %eax, %es
        xorl    %eax, %eax
        movl    %eax, %fs
        movl    %eax, %gs
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
