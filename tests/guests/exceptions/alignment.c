// #AC: only at ring 3, only with CR0.AM and EFLAGS.AC both set, error code 0.  SDM Vol. 3A, section 6.15,
// interrupt 17.
#include "probe.h"

static u8 data[32] __attribute__((aligned(16)));

static void access(int ring, u32 cr0, u32 flags, unsigned offset, struct snippet code, unsigned vector) {
    write_cr0((read_cr0() & ~(u32)CR0_AM) | cr0);
    with.ebx = (u32)data + offset, with.eflags = flags;
    expect(ring, code, vector, 0);
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    const struct snippet load = SNIPPET("", "mov eax, [ebx]"), store = SNIPPET("", "mov [ebx], ax"),
                         byte = SNIPPET("", "mov al, [ebx]");
    access(3, CR0_AM, EFLAGS_AC, 1, load, VECTOR_AC);
    access(3, CR0_AM, EFLAGS_AC, 2, load, VECTOR_AC);
    access(3, CR0_AM, EFLAGS_AC, 4, load, NO_FAULT);
    access(3, CR0_AM, EFLAGS_AC, 1, store, VECTOR_AC);
    access(3, CR0_AM, EFLAGS_AC, 2, store, NO_FAULT);
    access(3, CR0_AM, EFLAGS_AC, 3, byte, NO_FAULT);
    access(3, CR0_AM, 0, 1, load, NO_FAULT);
    access(3, 0, EFLAGS_AC, 1, load, NO_FAULT);
    access(0, CR0_AM, EFLAGS_AC, 1, load, NO_FAULT);
    access(0, CR0_AM, EFLAGS_AC, 1, store, NO_FAULT);
    finish();
}
