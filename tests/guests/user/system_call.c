// Ring 3 calls ring 0 through int 0x80, gets a result, keeps its registers, and its stack is switched by the
// TSS.
#include <guestkit/user.h>

#include "probe.h"

static u8 user_stack[4096] __attribute__((aligned(16)));
static u8 kernel_stack[4096] __attribute__((aligned(16)));
static u32 calls;

enum { ADD, WHERE, DONE };

static u32 on_call(u32 number, u32 a, u32 b, u32 c, struct trap_frame* f) {
    ++calls;
    switch (number) {
        case ADD:
            return a + b + c;
        case WHERE:
            check("called from ring 3", f->cs, USER_CODE);
            check("with its stack segment", f->ss, USER_DATA);
            check("on the TSS's stack", (u32)(f + 1), (u32)(kernel_stack + sizeof kernel_stack));
            return 7;
        default:
            check("calls", calls, 203);
            check("sum handed over", a, 3 * 100 * 99 / 2 + 600);
            check("preserved register", b, 0xC0FFEE);
            finish();
    }
}

static void user_main(void) {
    u32 sum = 0;
    register u32 keep __asm__("esi") = 0xC0FFEE;
    __asm__ volatile("" : "+r"(keep));
    for (u32 i = 0; i < 100; ++i) sum += system_call(ADD, i, i, i);
    const u32 seven = system_call(WHERE, 0, 0, 0);
    for (u32 i = 0; i < 100; ++i) sum += system_call(ADD, 1, 2, 3);
    if (system_call(ADD, 0, 0, 0) == 0 && seven == 7) system_call(DONE, sum, keep, 0);
    __asm__ volatile("ud2");
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    system_calls_init(on_call);
    set_kernel_stack((u32)(kernel_stack + sizeof kernel_stack));
    struct trap_frame f = user_frame((u32)user_main, (u32)(user_stack + sizeof user_stack));
    resume(&f);
}
