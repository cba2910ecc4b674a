// Code made by hand: bytes put somewhere and run at either ring through the probe.
#pragma once

#include "window.h"

#define PUT(at, ...)                                \
    do {                                            \
        static const u8 bytes_[] = {__VA_ARGS__};   \
        memcpy((void*)(at), bytes_, sizeof bytes_); \
    } while (0)
/// A little-endian immediate.
#define LE32(v) (u8)(v), (u8)((u32)(v) >> 8), (u8)((u32)(v) >> 16), (u8)((u32)(v) >> 24)
#define END 0xCD, NO_FAULT  ///< int 0x60: back to the probe
