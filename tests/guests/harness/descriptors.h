// A GDT full of interesting descriptors, for whatever loads or questions selectors.
#pragma once

#include <guestkit/segments.h>

enum {
    FLAT_DATA3 = 0x30,     ///< like USER_DATA
    READ_ONLY3 = 0x38,     ///< data, DPL 3, read only
    EXECUTE_ONLY3 = 0x40,  ///< code, DPL 3, not readable
    CODE3 = 0x48,          ///< code, DPL 3, readable
    CONFORMING0 = 0x50,    ///< code, DPL 0, readable, conforming
    ABSENT3 = 0x58,        ///< data, DPL 3, P = 0
    EXPAND_DOWN3 = 0x60,   ///< data, DPL 3, valid from 0x10000 up
    READ_ONLY0 = 0x68,     ///< data, DPL 0, read only
    LDT_SYSTEM = 0x70,     ///< an LDT descriptor, DPL 0
    SPARE_TSS = 0x78,      ///< an available TSS, DPL 0
    BYTE_LIMIT3 = 0x80,    ///< data, DPL 3, limit 0x12345 in bytes
    DATA1 = 0x88,          ///< data, DPL 1
    CALL_GATE3 = 0x90,     ///< a call gate, DPL 3 (to be filled in)
    ABSENT_CODE0 = 0x98,   ///< code, DPL 0, P = 0
    CONFORMING3 = 0xA0,    ///< code, DPL 3, conforming
    CODE1 = 0xA8,          ///< code, DPL 1
    ABSENT_STACK0 = 0xB0,  ///< data, DPL 0, P = 0
    LDT_USER = 0xB8,       ///< an LDT descriptor, DPL 3: still nothing that a segment register takes
    BEYOND = GDT_ENTRIES * 8,
};

extern struct tss spare_tss;
extern u64 spare_ldt[4];
void descriptors_init(void);
