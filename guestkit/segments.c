#include <guestkit/segments.h>

u64 gdt[GDT_ENTRIES] __attribute__((aligned(8)));
struct tss tss;

u64 make_descriptor(u32 base, u32 limit, unsigned access, unsigned flags) {
    const u32 low = (base << 16) | (limit & 0xFFFF);
    const u32 high =
        (base & 0xFF000000) | (flags << 20) | (limit & 0xF0000) | (access << 8) | ((base >> 16) & 0xFF);
    return ((u64)high << 32) | low;
}

u64 make_gate(u16 selector, u32 offset, unsigned access, unsigned parameters) {
    const u32 low = ((u32)selector << 16) | (offset & 0xFFFF);
    const u32 high = (offset & 0xFFFF0000) | (access << 8) | parameters;
    return ((u64)high << 32) | low;
}

void set_kernel_stack(u32 top) {
    tss.esp0 = top;
    tss.ss0 = KERNEL_DATA;
}

void segments_init(void) {
    const unsigned flat = SEGMENT_32BIT | SEGMENT_4K;
    gdt[0] = 0;
    *gdt_slot(KERNEL_CODE) = make_descriptor(0, 0xFFFFF, ACCESS_CODE, flat);
    *gdt_slot(KERNEL_DATA) = make_descriptor(0, 0xFFFFF, ACCESS_DATA, flat);
    *gdt_slot(USER_CODE) = make_descriptor(0, 0xFFFFF, ACCESS_CODE | ACCESS_DPL3, flat);
    *gdt_slot(USER_DATA) = make_descriptor(0, 0xFFFFF, ACCESS_DATA | ACCESS_DPL3, flat);
    *gdt_slot(TSS_SELECTOR) = make_descriptor((u32)&tss, sizeof tss - 1, ACCESS_TSS, 0);
    tss.io_map_base = sizeof tss;  // beyond the limit: no port is open to ring 3

    const struct __attribute__((packed)) {
        u16 limit;
        u32 base;
    } pointer = {sizeof gdt - 1, (u32)gdt};
    __asm__ volatile(
        "lgdt %0\n\t"
        "ljmp %1, $1f\n"
        "1:\n\t"
        "movw %w2, %%ds\n\t"
        "movw %w2, %%es\n\t"
        "movw %w2, %%ss\n\t"
        "movw %w3, %%fs\n\t"
        "movw %w3, %%gs\n\t"
        "lldt %w3\n\t"  // after a reset LDTR describes 64 KiB at address 0: SDM Vol. 3A, table 9-1
        "ltr %w4"
        :
        : "m"(pointer), "i"(KERNEL_CODE), "r"(KERNEL_DATA), "r"(0), "r"(TSS_SELECTOR)
        : "memory");
}
