// Signal entry and exit of the seccomp engine.
//
// The kernel enters here in 64-bit mode with the guest's ds, es, fs and gs still loaded.  C++ needs the host's FS
// base (thread-local storage, stack protector); the other segment registers do not matter in 64-bit mode.  On
// the way out the registers are loaded for the guest, fs last, and the kernel restores the rest from the frame.
    .text
    .globl engine_entry
    .type engine_entry, @function
engine_entry:
    rdfsbase %rax
    push %rax
    mov engine_host_fs_base(%rip), %rax
    wrfsbase %rax
    call engine_signal              // (signal, siginfo, ucontext) -> HostSelectors*, or null
    pop %rcx
    test %rax, %rax
    jz 1f
    movzwl 0(%rax), %ecx            // es cs ss ds fs gs
    mov %ecx, %es
    movzwl 6(%rax), %ecx
    mov %ecx, %ds
    movzwl 10(%rax), %ecx
    mov %ecx, %gs
    movzwl 8(%rax), %ecx
    mov %ecx, %fs
    ret                             // to core_rt_sigreturn
1:  // The monitor itself was interrupted, in the gate: as it was.
    wrfsbase %rcx
    ret
    .size engine_entry, . - engine_entry

// Raises the first trap: from here the guest runs.  Never returns.
    .globl engine_start
    .type engine_start, @function
engine_start:
    fninit
    int3
    ud2
    .size engine_start, . - engine_start

    .section .note.GNU-stack, "", @progbits
