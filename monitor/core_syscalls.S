// The only system calls that the guest process may make, each with an instruction of its own.
//
// The seccomp filter (seccomp_filter.cpp) lets a call pass only from its own address here, so that a gadget
// anywhere else in the process is worth nothing to guest code that breaks out.
// C calling convention in, kernel convention out: the fourth argument moves from rcx to r10.
#include <asm/unistd_64.h>

.macro CORE_SYSCALL name, number
    .globl core_\name, core_\name\()_end
    .type core_\name, @function
core_\name:
    movb $1, core_called(%rip)
    mov %rcx, %r10
    mov $\number, %eax
    syscall
core_\name\()_end:
    ret
    .size core_\name, . - core_\name
.endm

    .text
CORE_SYSCALL mmap, __NR_mmap
CORE_SYSCALL munmap, __NR_munmap
CORE_SYSCALL mprotect, __NR_mprotect
CORE_SYSCALL futex, __NR_futex
CORE_SYSCALL modify_ldt, __NR_modify_ldt
CORE_SYSCALL timer_settime, __NR_timer_settime
CORE_SYSCALL clock_gettime, __NR_clock_gettime
CORE_SYSCALL write, __NR_write

// Where signal handlers return to: the stack pointer points at the signal frame.
    .globl core_rt_sigreturn, core_rt_sigreturn_end
    .type core_rt_sigreturn, @function
core_rt_sigreturn:
    mov $__NR_rt_sigreturn, %eax
    syscall
core_rt_sigreturn_end:
    ud2
    .size core_rt_sigreturn, . - core_rt_sigreturn

// 1: a system call was made, and has loaded SS.
    .bss
    .globl core_called
core_called:
    .skip 1

    .section .note.GNU-stack, "", @progbits
