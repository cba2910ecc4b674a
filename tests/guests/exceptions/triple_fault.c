// A fault without an IDT to deliver it, nor the double fault: the processor shuts down, and so does the
// machine.
#include "probe.h"

void guest_main(const struct multiboot_info* info) {
    (void)info;
    static const struct __attribute__((packed)) {
        u16 limit;
        u32 base;
    } nothing = {0, 0};
    print("before the triple fault\n");
    __asm__ volatile("lidt %0; ud2" : : "m"(nothing));
    print("FAIL alive after it\n");
    finish();
}
