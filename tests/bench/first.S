# A guest whose first instructions end it: status 0x2A through isa-debug-exit, which makes an exit status of 85.
        .text
        .globl  _start
        .balign 4
        .long   0x1BADB002                      # Multiboot Specification 0.6.96, section 3.1
        .long   0
        .long   -0x1BADB002
_start:
        movb    $0x2A, %al
        movw    $0x501, %dx
        outb    %al, %dx
1:      hlt
        jmp     1b

        .section .note.GNU-stack, "", @progbits
