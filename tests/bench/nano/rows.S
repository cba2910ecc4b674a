# The rows: each a loop on a page of its own, so that its first execution is the first of its page as well.
#
# Behind what is measured stands a five-byte nop, so that there is room to patch, and fnop: the monitor's interpreter
# leaves floating point to the processor, so no interpreted stretch (docs/code-view.md) runs on into the next round.

#include <guestkit/selectors.h>
#include "nano.h"

        .section .rodata.nano, "a"
        .balign 4
        .globl  nano_rows, nano_rows_end
nano_rows:

        .text

# id: the line of traps/instructions.def that it belongs to
        .macro  row name, id, setup, body, mask=0, expected=0, events=0
        .text
        .balign 4096
100:
        pushal
        movl    36(%esp), %ebp
        \setup
1:      \body
        nopl    0(%eax, %eax)
        fnop
        decl    %ebp
        jnz     1b
        movl    %eax, nano_eax
        popal
        ret
        enter_row "\name", 100b, \events, \mask, \expected, 0
        .ifnb   \id
        .ifndef nano_id_\id
        .globl  nano_id_\id
        .set    nano_id_\id, nano_rows
        .endif
        .endif
        .endm

        .macro  enter_row name, run, events, mask, expected, itself
        .pushsection .rodata.nano_names, "a"
200:    .asciz  "\name"
        .popsection
        .pushsection .rodata.nano, "a"
        .long   200b, \run, \events, \mask, \expected, \itself
        .popsection
        .endm

# Not measured, and why not: every line of instructions.def is either a row or here.
        .macro  left_out id, reason
        .globl  nano_id_\id
        .set    nano_id_\id, nano_rows
        .endm

        row     "empty",            , "",                     "nop"

# --- Adams and Agesen, "A Comparison of Software and Hardware Techniques for x86 Virtualization", ASPLOS 2006,
# section 6.3; syscall and the faults of ring 3 are in user.S.  A 32-bit kernel has no CR8, but the register behind it.
        row     "in",               in, "",                   "inb $0x21, %al", 0xFF, 0xFF
        row     "apic_tpr_write",     , "xorl %eax, %eax",    "movl %eax, apic_tpr"
        row     "call_ret",           , "",                   "call nano_return"
        row     "page_fault",         , "movl $absent_page, %edx", "movl (%edx), %eax", 0, 0, 1
        row     "divide_by_zero",     , "xorl %edx, %edx",    "divl %edx", 0, 0, 1
        row     "pte_write",          , "movl nano_entry, %ebx; movl nano_entries, %eax", "movl %eax, (%ebx)"
        row     "pte_change",         , "movl nano_entry, %ebx; xorl %ecx, %ecx", \
                "xorl $1, %ecx; movl nano_entries(, %ecx, 4), %eax; movl %eax, (%ebx); invlpg changed_page; movl changed_page, %eax"

# --- flags
        row     "cli",           cli, "",                     "cli"
        row     "sti",           sti, "",                     "sti"
        row     "cli+sti",          , "",                     "cli; sti"
        row     "pushf",       pushf, "cli",                  "pushfl; popl %eax", 0x200, 0
        row     "popf",         popf, "",                     "pushl $2; popfl"
        row     "pushf+popf",       , "cli",                  "pushfl; popfl"
        left_out hlt,    "waits"

# --- ports
        row     "out",           out, "movb $0xFF, %al",      "outb %al, $0x21", 0xFF, 0xFF
        row     "insb",          ins, "movw $0x21, %dx",      "movl $nano_byte, %edi; insb"
        row     "outsb",        outs, "movw $0x21, %dx; movb $0xFF, nano_byte", "movl $nano_byte, %esi; outsb"

# --- tables
        row     "sgdt",         sgdt, "",                     "sgdt nano_gdtr"
        row     "lgdt",         lgdt, "sgdt nano_gdtr",       "lgdt nano_gdtr"
        row     "sidt",         sidt, "",                     "sidt nano_idtr"
        row     "lidt",         lidt, "sidt nano_idtr",       "lidt nano_idtr"
        row     "sldt",         sldt, "",                     "sldt %eax", 0xFFFF, 0
        row     "lldt",         lldt, "xorl %eax, %eax",      "lldt %ax"
        row     "str",           str, "",                     "str %eax", 0xFFFF, 0x28
        row     "ltr",           ltr, "movl $0x28, %eax",     "andb $0xFD, gdt + 0x2D; ltr %ax"

# --- control
        row     "smsw",         smsw, "",                     "smsw %eax", 1, 1
        row     "lmsw",         lmsw, "smsw %eax",            "lmsw %ax"
        row     "clts",         clts, "",                     "clts"
        row     "mov_from_cr0", mov_cr, "",                   "movl %cr0, %eax", 0x80000001, 0x80000001
        row     "mov_to_cr0",   mov_cr, "movl %cr0, %eax",    "movl %eax, %cr0"
        row     "mov_from_cr2", mov_cr, "movl $0x1234, %eax; movl %eax, %cr2", "movl %cr2, %eax", ~0, 0x1234
        row     "mov_to_cr2",   mov_cr, "",                   "movl %eax, %cr2"
        row     "mov_from_cr3", mov_cr, "",                   "movl %cr3, %eax", 0xFFF, 0
        row     "mov_to_cr3",   mov_cr, "movl %cr3, %eax",    "movl %eax, %cr3"
        row     "mov_from_cr4", mov_cr, "",                   "movl %cr4, %eax", 0x10, 0x10
        row     "mov_to_cr4",   mov_cr, "movl %cr4, %eax",    "movl %eax, %cr4"
        row     "mov_from_dr7", mov_dr, "",                   "movl %dr7, %eax", 0x400, 0x400
        row     "mov_to_dr0",   mov_dr, "xorl %eax, %eax",    "movl %eax, %dr0"
        row     "invlpg",       invlpg, "",                   "invlpg changed_page"
        row     "invd",         invd, "",                     "invd"
        row     "wbinvd",       wbinvd, "",                   "wbinvd"

# --- model-specific
        row     "rdmsr",        rdmsr, "movl $0x1B, %ecx",    "rdmsr", 0xFFFFF000, NANO_APIC
        row     "wrmsr",        wrmsr, "movl $0x1B, %ecx; rdmsr", "wrmsr"
        row     "rdtsc",        rdtsc, "",                    "rdtsc"
        row     "cpuid",        cpuid, "",                    "xorl %eax, %eax; cpuid"
        left_out rdtscp, "not in every guest's processor; handled as rdtsc"
        left_out rdpmc,  "no counters"
        left_out xgetbv, "no XSAVE"
        left_out xsetbv, "no XSAVE"

# --- gates, in ring 0; the ways between the rings are in user.S
        row     "int+iret",     int_n, "",                    "int $counted", 0, 0, 1
        row     "int3+iret",    int3,  "",                    "int3", 0, 0, 1
        left_out int1,   "as int3 by another vector; QEMU 7.2 has no such instruction"
        row     "into+iret",    into,  "",                    "movb $0x7F, %al; addb $1, %al; into", 0, 0, 1
        row     "iret",         iret,  "",                    "pushl $2; pushl $kernel_code; pushl $2f; iretl; 2:"
        left_out sysenter, "not offered to guests"
        left_out sysexit,  "not offered to guests"
        left_out syscall,  "not offered to guests"
        left_out sysret,   "not offered to guests"

# --- far transfers
        row     "lcall+lret",   far_call, "",                 "lcall $kernel_code, $nano_far_return"
        row     "ljmp",         far_jmp, "",                  "ljmp $kernel_code, $2f; 2:"
        row     "lret",         far_ret, "",                  "pushl $kernel_code; pushl $2f; lret; 2:"

# --- segments
        row     "mov_from_ds",  mov_from_seg, "",             "movl %ds, %eax", 0xFFFF, KERNEL_DATA_SELECTOR
        row     "mov_to_es",    mov_to_seg, "movl $kernel_data, %eax", "movl %eax, %es"
        row     "mov_to_fs_null", mov_to_seg, "xorl %eax, %eax", "movl %eax, %fs"
        row     "push_ds",      push_seg, "",                 "pushl %ds; popl %eax", 0xFFFF, KERNEL_DATA_SELECTOR
        row     "pop_es",       pop_seg, "",                  "pushl $kernel_data; popl %es"
        row     "lds",          lds,   "",                    "lds nano_far_data, %edx"
        row     "les",          les,   "",                    "les nano_far_data, %edx"
        row     "lfs",          lfs,   "",                    "lfs nano_far_data, %edx"
        row     "lgs",          lgs,   "",                    "lgs nano_far_data, %edx"
        row     "lss",          lss,   "movl %esp, nano_far_stack", "lss nano_far_stack, %esp"
        row     "lar",          lar,   "movl $kernel_data, %edx", "lar %edx, %eax", 0xFF00, 0x9300
        row     "lsl",          lsl,   "movl $kernel_data, %edx", "lsl %edx, %eax", ~0, 0xFFFFFFFF
        row     "verr",         verr,  "movl $kernel_data, %edx", "verr %dx"
        row     "verw",         verw,  "movl $kernel_data, %edx", "verw %dx"
        row     "arpl",         arpl,  "movl $3, %edx",       "xorl %eax, %eax; arpl %dx, %ax", 0xFFFF, 3

# --- ring 3, in user.S
        .irp    name, syscall, iret_to_user, user_page_fault
        .text
        .balign 4096
100:
        pushl   $nano_user_\name
        pushl   8(%esp)
        call    nano_user
        addl    $8, %esp
        ret
        .ifc    \name, iret_to_user
        enter_row "\name", 100b, 0, 0, 0, 1
        .else
        enter_row "\name", 100b, 1, 0, 0, 0
        .endif
        .endr

        .section .rodata.nano, "a"
        .globl  nano_rows_end
nano_rows_end:

        .text
        .balign 4096
nano_return:
        ret
nano_far_return:
        lret

        .data
        .balign 8
nano_far_data:
        .long   0
        .word   KERNEL_DATA_SELECTOR, 0
nano_far_stack:
        .long   0
        .word   KERNEL_DATA_SELECTOR, 0
nano_gdtr:
        .skip   6
nano_idtr:
        .skip   6
nano_byte:
        .byte   0xFF

        .section .note.GNU-stack, "", @progbits
