// The start code, print() and the way out.
#include "probe.h"

void guest_main(const struct multiboot_info* info) {
    print("hello from ring %u\n", (u32)(__builtin_frame_address(0) ? 0 : 1));
    print("[%5d] [%-5d] [%05d] [%x] [%s] [%c] [%u]\n", -42, -42, -42, 0xBEEFu, "text", 'c', 4000000000u);
    check("loader gives memory sizes", info->flags & MULTIBOOT_MEMORY, MULTIBOOT_MEMORY);
    check("lower memory, in 64 KiB", info->mem_lower / 64, 9);
    check("upper memory is at least 60 MiB", info->mem_upper >= 60 * 1024, 1);
    check("paging is off", read_cr0() & CR0_PG, 0);
    check("protected mode is on", read_cr0() & CR0_PE, CR0_PE);
    finish();
}
