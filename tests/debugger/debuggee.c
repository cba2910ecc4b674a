// A guest to be debugged: a few frames deep, with variables that the processor, the FPU and the monitor's own
// emulation write.  It loops until a debugger says enough.
#include <guestkit/console.h>
#include <guestkit/cpu.h>
#include <guestkit/multiboot.h>
#include <guestkit/power.h>

volatile u32 counter, rounds, enough, sum;
volatile u32 popped;
volatile float quotient;

__attribute__((noinline)) u32 leaf(u32 n) {
    counter += n;
    return counter;
}

__attribute__((noinline)) u32 middle(u32 n) {
    const u32 value = leaf(n) + 1;
    sum += value;
    return value;
}

/// The store is made by a sensitive instruction: emulated, and in the midst of a burst.
__attribute__((noinline)) void pop_flags_to_memory(void) {
    __asm__ volatile("cli; nop; pushfl; nop; popl %0" : "=m"(popped) : : "memory");
}

__attribute__((noinline)) void divide(void) {
    __asm__ volatile("fninit; fld1; fildl %1; fdivrp; fstps %0" : "=m"(quotient) : "m"(rounds) : "memory");
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    print("ready\n");
    while (!enough) {
        ++rounds;
        middle(rounds % 4);
        pop_flags_to_memory();
        divide();
    }
    print("enough\n");
    debug_exit(0);
}
