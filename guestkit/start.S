# The first instructions of a guest.  Multiboot Specification 0.6.96, sections 3.1 and 3.2: protected mode, paging
# and interrupts off, flat segments of unknown selectors, EAX the magic number, EBX the information.
#
# .boot is linked at its physical address.  A guest with guest_virtual_base != 0 runs behind its first page
# directory at that base; the directory maps the first 8 MiB there, and where they are as well.

        .section .boot, "awx", @progbits
        .balign 4
multiboot_header:
        .set    FLAGS, 0x3                      # modules on page boundaries; memory information
        .long   0x1BADB002
        .long   FLAGS
        .long   -(0x1BADB002 + FLAGS)

        .globl  _start
_start:
        cld
        movl    $guest_virtual_base, %edx
        movl    $boot_stack_end, %esp
        movl    $guest_enter, %ecx
        testl   %edx, %edx
        jz      1f

        # Four 4 MiB pages: SDM Vol. 3A, section 4.3; CR4.PSE is bit 4, CR0.PG bit 31, CR0.WP bit 16.
        movl    $boot_directory, %edi
        movl    $0x000083, (%edi)
        movl    $0x400083, 4(%edi)
        movl    %edx, %esi
        shrl    $20, %esi
        movl    $0x000083, (%edi, %esi)
        movl    $0x400083, 4(%edi, %esi)
        movl    %cr4, %ebp
        orl     $0x10, %ebp
        movl    %ebp, %cr4
        movl    %edi, %cr3
        movl    %cr0, %ebp
        orl     $0x80010000, %ebp
        movl    %ebp, %cr0
1:      jmp     *%ecx

        .section .boot.bss, "aw", @nobits
        .balign 4096
        .globl  boot_directory
boot_directory:
        .skip   4096

        .text
guest_enter:
        xorl    %ebp, %ebp                      # the end of every stack trace
        addl    %edx, %ebx                      # the information, as the guest sees it
        pushl   %ebp
        pushl   %ebp
        pushl   %ebx
        call    console_init
        call    segments_init
        call    interrupts_init
        call    guest_main
        call    power_off

        .bss
        .balign 16
        .skip   16384
        .globl  boot_stack_end
boot_stack_end:

        .section .note.GNU-stack, "", @progbits
