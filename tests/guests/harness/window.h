// Guests with paging on: all of RAM is mapped to itself, open to both rings, and there is room for
// experiments at WINDOW, where each page is backed by a frame of its own choosing.
#pragma once

#include "probe.h"

enum { WINDOW = 0x40000000, RW = PAGE_P | PAGE_W | PAGE_U };

extern page_entry* directory;

/// Turns paging on: identity by 4 MiB pages, with these rights; the image itself by 4 KiB pages, RW.
void window_init(u32 identity_flags);
/// Maps page n of the window and invalidates it.
void window_map(unsigned n, u32 frame, u32 flags);
static inline u8* window(unsigned n) {
    return (u8*)WINDOW + n * PAGE_SIZE;
}
/// A fresh zeroed frame.
static inline u32 frame_alloc(void) {
    return physical(page_alloc());
}
page_entry* window_entry(unsigned n);

/// Runs whatever stands at an address at the given ring, until its int 0x60; returns EAX.
u32 run_at(int ring, const void* code);
/// The same, expecting a fault there.
void expect_at(int ring, const char* what, const void* code, unsigned vector, u32 error, u32 cr2);
