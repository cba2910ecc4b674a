// How a guest ends.
#pragma once

#include <guestkit/types.h>

/// Through isa-debug-exit at port 0x501: the emulator's exit status is (code << 1) | 1.  Without that device,
/// powers off.
void debug_exit(unsigned code) __attribute__((noreturn));
/// ACPI S5 through the PIIX4's PM1a control register at port 0x604, where firmware puts it; else halts for
/// good.
void power_off(void) __attribute__((noreturn));
