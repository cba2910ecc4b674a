// What a Multiboot 1 loader hands over.  Multiboot Specification 0.6.96, section 3.3.
#pragma once

#include <guestkit/types.h>

enum { MULTIBOOT_MEMORY = 1, MULTIBOOT_COMMAND_LINE = 4, MULTIBOOT_MODULES = 8, MULTIBOOT_MAP = 0x40 };

struct multiboot_info {
    u32 flags, mem_lower, mem_upper, boot_device, command_line, modules_count, modules, symbols[4];
    u32 map_length, map_address;
};
struct multiboot_module {
    u32 start, end, string, reserved;
};

/// Every guest defines this; returning from it powers off.
void guest_main(const struct multiboot_info* info);
