// The processor's registers and the instructions that C has no words for: one inline function each.
#pragma once

#include <guestkit/types.h>

// EFLAGS bits, SDM Vol. 1, figure 3-8.
enum {
    EFLAGS_CF = 1u << 0,
    EFLAGS_FIXED1 = 1u << 1,
    EFLAGS_PF = 1u << 2,
    EFLAGS_AF = 1u << 4,
    EFLAGS_ZF = 1u << 6,
    EFLAGS_SF = 1u << 7,
    EFLAGS_TF = 1u << 8,
    EFLAGS_IF = 1u << 9,
    EFLAGS_DF = 1u << 10,
    EFLAGS_OF = 1u << 11,
    EFLAGS_IOPL = 3u << 12,
    EFLAGS_NT = 1u << 14,
    EFLAGS_RF = 1u << 16,
    EFLAGS_VM = 1u << 17,
    EFLAGS_AC = 1u << 18,
    EFLAGS_ID = 1u << 21,
};

// Control register bits, SDM Vol. 3A, section 2.5.
enum {
    CR0_PE = 1u << 0,
    CR0_MP = 1u << 1,
    CR0_EM = 1u << 2,
    CR0_TS = 1u << 3,
    CR0_ET = 1u << 4,
    CR0_NE = 1u << 5,
    CR0_WP = 1u << 16,
    CR0_AM = 1u << 18,
};
#define CR0_PG (1u << 31)
enum {
    CR4_TSD = 1u << 2,
    CR4_DE = 1u << 3,
    CR4_PSE = 1u << 4,
    CR4_PGE = 1u << 7,
    CR4_OSFXSR = 1u << 9,
    CR4_OSXMMEXCPT = 1u << 10,
};

// Exception vectors, SDM Vol. 3A, table 6-1.
enum {
    VECTOR_DE = 0,
    VECTOR_DB = 1,
    VECTOR_NMI = 2,
    VECTOR_BP = 3,
    VECTOR_OF = 4,
    VECTOR_BR = 5,
    VECTOR_UD = 6,
    VECTOR_NM = 7,
    VECTOR_DF = 8,
    VECTOR_TS = 10,
    VECTOR_NP = 11,
    VECTOR_SS = 12,
    VECTOR_GP = 13,
    VECTOR_PF = 14,
    VECTOR_MF = 16,
    VECTOR_AC = 17,
    VECTOR_MC = 18,
    VECTOR_XM = 19,
};

// Page-fault error code bits, SDM Vol. 3A, figure 4-12.
enum { PF_P = 1, PF_W = 2, PF_U = 4 };

static inline void outb(u16 port, u8 value) {
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}
static inline void outw(u16 port, u16 value) {
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}
static inline void outl(u16 port, u32 value) {
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}
static inline u8 inb(u16 port) {
    u8 value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
static inline u16 inw(u16 port) {
    u16 value;
    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
static inline u32 inl(u16 port) {
    u32 value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

#define GUESTKIT_CONTROL_REGISTER(n)                                    \
    static inline u32 read_cr##n(void) {                                \
        u32 value;                                                      \
        __asm__ volatile("movl %%cr" #n ", %0" : "=r"(value));          \
        return value;                                                   \
    }                                                                   \
    static inline void write_cr##n(u32 value) {                         \
        __asm__ volatile("movl %0, %%cr" #n : : "r"(value) : "memory"); \
    }
GUESTKIT_CONTROL_REGISTER(0)
GUESTKIT_CONTROL_REGISTER(2)
GUESTKIT_CONTROL_REGISTER(3)
GUESTKIT_CONTROL_REGISTER(4)
#undef GUESTKIT_CONTROL_REGISTER

static inline void invlpg(const volatile void* address) {
    __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

static inline void cli(void) {
    __asm__ volatile("cli" : : : "memory");
}
static inline void sti(void) {
    __asm__ volatile("sti" : : : "memory");
}
/// Opens interrupts and waits for one.  sti keeps them shut for one more instruction, so none is lost
/// between.
static inline void sti_hlt(void) {
    __asm__ volatile("sti; hlt" : : : "memory");
}

static inline u32 read_eflags(void) {
    u32 value;
    __asm__ volatile("pushfl; popl %0" : "=r"(value) : : "memory");
    return value;
}
static inline void write_eflags(u32 value) {
    __asm__ volatile("pushl %0; popfl" : : "r"(value) : "memory", "cc");
}

static inline u64 rdtsc(void) {
    u32 low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return ((u64)high << 32) | low;
}

struct cpuid_result {
    u32 eax, ebx, ecx, edx;
};
static inline struct cpuid_result cpuid(u32 leaf, u32 subleaf) {
    struct cpuid_result r;
    __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
    return r;
}
