// Text out: the first serial port (polled), and port 0xE9, which emulators print as it comes.
#pragma once

#include <guestkit/types.h>

/// 115200 baud, 8N1, FIFO on, no interrupts.  Called by the start code.
void console_init(void);
/// '\n' goes out as it is; terminals in raw mode are the monitor's business.
void console_put(char c);
/// Port 0xE9 gets everything too (off at the start: it doubles the port writes).
void console_mirror_to_e9(bool on);

/// printf with %c %s %d %u %x %p %%, a field width, and the flags 0 and -.  Numbers are 32 bits wide.
void print(const char* format, ...) __attribute__((format(printf, 1, 2)));
void vprint(const char* format, va_list args);
