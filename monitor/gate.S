// The gate: from 32-bit guest code into the monitor and back by two far jumps, without a trap.
//
// A gate site (shadow/gate_sites.hpp) has led here through its pad and landing: 64-bit mode, r15d names the site,
// and everything else, the stack pointer included, is the guest's.  The registers go to gate_frame;
// engine_gate_quick() knows what is most frequent.  For all else the FPU goes to gate_fpu, and engine_gate() does
// the work.  Both leave gate_frame as the guest shall resume.
//
// Signals stay open meanwhile; their handler only sets engine_deferred.  From gate_exit on the sequence reads
// nothing but memory, so a signal that arrives before its end sends it back to its beginning.
#define EAX 0
#define ECX 4
#define EDX 8
#define EBX 12
#define ESP 16
#define EBP 20
#define ESI 24
#define EDI 28
#define EFL 32
#define TARGET 40      /* eip, cs */
#define SELECTORS 48   /* es cs ss ds fs gs */
#define RELOAD 60
#define ES_BIT 1
#define SS_BIT 4
#define DS_BIT 8
#define FS_BIT 16
#define GS_BIT 32
#define SLOW 61
#define FS_BASE 64
#define QUICK_DONE 2

    .text
    .globl gate_entry, gate_exit, gate_end, gate_slow_end
    .type gate_entry, @function
gate_entry:
    mov %rsp, %r14
    mov gate_stack_top(%rip), %rsp
    pushfq
    pop %r13
    mov %eax, gate_frame+EAX(%rip)
    mov %ecx, gate_frame+ECX(%rip)
    mov %edx, gate_frame+EDX(%rip)
    mov %ebx, gate_frame+EBX(%rip)
    mov %r14d, gate_frame+ESP(%rip)
    mov %ebp, gate_frame+EBP(%rip)
    mov %esi, gate_frame+ESI(%rip)
    mov %edi, gate_frame+EDI(%rip)
    mov %r13d, gate_frame+EFL(%rip)
    cld
    movb $0, gate_saved(%rip)
    movb $1, gate_open(%rip)        // until gate_exit, the code that runs is C++
    mov %r15d, %edi
    call engine_gate_quick          // uses neither FPU nor FS
    cmp $QUICK_DONE, %eax
    je gate_exit
    mov %eax, %esi
    fxsave64 gate_fpu(%rip)
    rdfsbase %rax
    mov %rax, gate_frame+FS_BASE(%rip)
    mov engine_host_fs_base(%rip), %rax
    wrfsbase %rax
    movb $1, gate_saved(%rip)
    mov %r15d, %edi
    call engine_gate

gate_exit:
    movb $0, gate_open(%rip)
    mov gate_stack_top(%rip), %rsp
    cmpl $0, engine_deferred(%rip)
    jne gate_again
    cmpb $0, gate_saved(%rip)
    je 1f
    fxrstor64 gate_fpu(%rip)
1:  cmpb $0, gate_frame+SLOW(%rip)
    jne gate_slow
    // Loading a segment register costs as much as the jump: only those that changed.
    movzbl gate_frame+RELOAD(%rip), %ecx
    test $FS_BIT, %cl
    jnz gate_fs
    cmpb $0, gate_saved(%rip)
    je gate_segments
    mov gate_frame+FS_BASE(%rip), %rax
    wrfsbase %rax
gate_segments:
    test $(ES_BIT | DS_BIT | GS_BIT), %cl
    jnz gate_data
gate_stack:
    // A system call in between has left the host's SS behind: sysret loads it, SDM Vol. 2B, SYSRET.
    and $SS_BIT, %ecx
    or core_called(%rip), %cl
    jz gate_registers
    movzwl gate_frame+SELECTORS+4(%rip), %eax
    mov %eax, %ss
gate_registers:
    pushq gate_frame+EFL(%rip)
    popfq
    mov gate_frame+EAX(%rip), %eax
    mov gate_frame+ECX(%rip), %ecx
    mov gate_frame+EDX(%rip), %edx
    mov gate_frame+EBX(%rip), %ebx
    mov gate_frame+EBP(%rip), %ebp
    mov gate_frame+ESI(%rip), %esi
    mov gate_frame+EDI(%rip), %edi
    mov gate_frame+ESP(%rip), %esp
    ljmpl *gate_frame+TARGET(%rip)

gate_fs:
    movzwl gate_frame+SELECTORS+8(%rip), %eax
    mov %eax, %fs
    jmp gate_segments
gate_data:
    test $ES_BIT, %cl
    jz 1f
    movzwl gate_frame+SELECTORS+0(%rip), %eax
    mov %eax, %es
1:  test $DS_BIT, %cl
    jz 2f
    movzwl gate_frame+SELECTORS+6(%rip), %eax
    mov %eax, %ds
2:  test $GS_BIT, %cl
    jz gate_stack
    movzwl gate_frame+SELECTORS+10(%rip), %eax
    mov %eax, %gs
    jmp gate_stack

    // What a far jump cannot restore (TF, AC) goes through a signal frame.
gate_slow:
    int3
gate_slow_end:
    ud2

gate_again:
    cmpb $0, gate_saved(%rip)
    jne 1f
    fxsave64 gate_fpu(%rip)
    rdfsbase %rax
    mov %rax, gate_frame+FS_BASE(%rip)
    movb $1, gate_saved(%rip)
1:  mov engine_host_fs_base(%rip), %rax
    wrfsbase %rax
    movb $1, gate_open(%rip)
    call engine_gate_deferred
    jmp gate_exit
gate_end:
    .size gate_entry, . - gate_entry

    .bss
    .balign 64
    .globl gate_frame, gate_fpu, gate_stack_top, engine_deferred, gate_open, gate_saved
gate_fpu:
    .skip 512
gate_frame:
    .skip 128
gate_stack_top:
    .skip 8
engine_deferred:
    .skip 4
gate_open:
    .skip 1
gate_saved:
    .skip 1

    .section .note.GNU-stack, "", @progbits
