// The code of ours that a guest process of the ptrace engine runs: see batch.hpp.
//
// General registers only: the FPU holds the guest's state meanwhile.
    .text

// rbx: first BatchCall, r12: how many, r13: where to go then, rbp: with which stack.
    .globl batch_calls, batch_failed
    .type batch_calls, @function
batch_calls:
    mov 8(%rbx), %rdi
    mov 16(%rbx), %rsi
    mov 24(%rbx), %rdx
    mov 32(%rbx), %rcx
    mov 40(%rbx), %r8
    mov 48(%rbx), %r9
    call *(%rbx)
    cmp 56(%rbx), %rax
    jne batch_failed
    add $64, %rbx
    dec %r12
    jnz batch_calls
    mov %rbp, %rsp
    jmp *%r13
batch_failed:
    ud2
    .size batch_calls, . - batch_calls

    .globl batch_stop, batch_stopped
    .type batch_stop, @function
batch_stop:
    int3
batch_stopped:
    ud2
    .size batch_stop, . - batch_stop

    .globl batch_signal, batch_signalled
    .type batch_signal, @function
batch_signal:
    int3
batch_signalled:
    ud2
    .size batch_signal, . - batch_signal

    .globl batch_start, batch_started
    .type batch_start, @function
batch_start:
    int3
batch_started:
    ud2
    .size batch_start, . - batch_start

    .section .note.GNU-stack, "", @progbits
