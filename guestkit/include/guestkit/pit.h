// The 8254 interval timer.  Datasheet Intel 8254; channel 0 is IRQ 0, channel 2 is the speaker's.
#pragma once

#include <guestkit/types.h>

enum { PIT_HZ = 1193182, PIT_IRQ = 0 };

/// Channel 0 as a rate generator (mode 2), hz from 19 up to PIT_HZ / 2.
void pit_start(unsigned hz);
/// Channel 0, mode 0: one interrupt after `ticks` (1..65535) of PIT_HZ.
void pit_one_shot(u16 ticks);
/// Channel 0's present count, latched.
u16 pit_count(void);
/// Waits by polling channel 2's output through port 0x61: no interrupt needed.  ticks as above.
void pit_wait(u16 ticks);
