# What an escaped guest would do to its host: 64-bit Linux system calls.  PAYLOAD names one; each is followed by a
# write of ESCAPED to standard output and an exit with status 0, which the runner would notice.
#
# Linux x86-64: number in rax, arguments rdi rsi rdx r10 r8 r9.

        .section .user, "ax"
        .balign 4096
        .globl  payload
payload:
        .code64
        .macro  host_call number, a=0, b=0, c=0, d=0, e=0, f=0
        movl    $\number, %eax
        movl    $\a, %edi
        movl    $\b, %esi
        movl    $\c, %edx
        movl    $\d, %r10d
        movq    $\e, %r8
        movl    $\f, %r9d
        syscall
        .endm

#if defined(PAYLOAD_WRITE)
        # nothing more than the write below
#elif defined(PAYLOAD_OPEN)
        host_call 2, file, 0x41, 0644             # open(file, O_WRONLY | O_CREAT)
#elif defined(PAYLOAD_EXECVE)
        host_call 59, program, arguments, 0       # execve("/bin/sh", {"sh", "-c", "echo ESCAPED; ..."})
#elif defined(PAYLOAD_KILL)
        host_call 110                             # getppid
        movl    %eax, %edi
        movl    $62, %eax
        movl    $9, %esi
        syscall                                 # kill(parent, SIGKILL)
#elif defined(PAYLOAD_FORK)
        host_call 57
#elif defined(PAYLOAD_PTRACE)
        host_call 110
        movl    %eax, %esi
        movl    $101, %eax
        movl    $16, %edi
        syscall                                 # ptrace(PTRACE_ATTACH, parent)
#elif defined(PAYLOAD_EXIT)
        host_call 231, 0                          # exit_group(0): would look like a good end
#elif defined(PAYLOAD_MMAP_WX)
        host_call 9, 0x20000000, 4096, 7, 0x32, -1  # mmap(W + X, private, anonymous, fixed)
#elif defined(PAYLOAD_MMAP_HIGH)
        host_call 9, 0, 4096, 3, 0x22, -1         # mmap anywhere: above 4 GiB
#else
#error "which payload?"
#endif
        host_call 1, 1, message, message_end-message
        host_call 231, 0
        .code32
message:
        .ascii  "ESCAPED\n"
message_end:
file:   .asciz  "escaped"
program: .asciz "/bin/sh"
dash_c: .asciz  "-c"
script: .asciz  "echo ESCAPED; touch escaped"
        .balign 8
arguments:
        .long   program, 0, dash_c, 0, script, 0, 0, 0  # four 64-bit pointers

# The same for flat 32-bit code (CS 0x23): the i386 system calls.
        .globl  payload32
payload32:
        movl    $4, %eax
        movl    $1, %ebx
        movl    $message, %ecx
        movl    $message_end - message, %edx
        int     $0x80
        movl    $252, %eax
        xorl    %ebx, %ebx
        int     $0x80
        .section .note.GNU-stack, "", @progbits
