// cpuid, the time-stamp counter, model-specific registers, and the fast system calls that this processor
// lacks. SDM Vol. 2: CPUID, RDTSC, RDTSCP, RDPMC, RDMSR, WRMSR, XGETBV, XSETBV, SYSENTER, SYSEXIT, SYSCALL,
// SYSRET.
#include "probe.h"

enum {
    EDX_FPU = 1 << 0,
    EDX_PSE = 1 << 3,
    EDX_TSC = 1 << 4,
    EDX_MSR = 1 << 5,
    EDX_CX8 = 1 << 8,
    EDX_SEP = 1 << 11,
    EDX_PGE = 1 << 13,
    EDX_CMOV = 1 << 15,
    EDX_FXSR = 1 << 24
};
enum { ECX_XSAVE = 1 << 26 };
enum { MSR_TSC = 0x10, MSR_APIC_BASE = 0x1B, MSR_UNKNOWN = 0x4321 };

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();

    // CPUID says the same at both rings, and has what an i686 has.
    struct cpuid_result leaf0 = cpuid(0, 0);
    check("leaf 1 exists", leaf0.eax >= 1, 1);
    for (u32 leaf = 0; leaf <= 1; ++leaf) {
        const struct cpuid_result here = cpuid(leaf, 0);
        with.eax = leaf;
        EXPECT_NO_FAULT(3, "xor ecx, ecx", "cpuid");
        check("eax is the same at ring 3", last.eax == here.eax, 1);
        check("ebx is the same at ring 3", last.ebx == here.ebx, 1);
        check("ecx is the same at ring 3", last.ecx == here.ecx, 1);
        check("edx is the same at ring 3", last.edx == here.edx, 1);
    }
    const u32 features = cpuid(1, 0).edx, more = cpuid(1, 0).ecx;
    const u32 i686 = EDX_FPU | EDX_PSE | EDX_TSC | EDX_MSR | EDX_CX8 | EDX_PGE | EDX_CMOV | EDX_FXSR;
    check("an i686's features", features & i686, i686);
    check("no SEP", features & EDX_SEP, 0);
    check("a leaf that is not there", cpuid(0x80000000, 0).eax >= 0x80000000, 1);

    // The time-stamp counter moves forward, and CR4.TSD takes it away from ring 3.
    EXPECT_EVERYWHERE("", "rdtsc");
    u64 earlier = rdtsc();
    u32 monotonic = 0;
    for (unsigned i = 0; i < 1000; ++i) {
        const u64 now = rdtsc();
        monotonic += now > earlier;
        earlier = now;
    }
    check("rdtsc grows", monotonic, 1000);
    write_cr4(read_cr4() | CR4_TSD);
    EXPECT_NO_FAULT(0, "", "rdtsc");
    EXPECT(3, "", "rdtsc", VECTOR_GP, 0);
    write_cr4(read_cr4() & ~(u32)CR4_TSD);
    EXPECT_NO_FAULT(3, "", "rdtsc");
    if (!(cpuid(0x80000001, 0).edx & (1u << 27)))
        EXPECT(3, "", "rdtscp", VECTOR_UD, 0);
    else
        EXPECT_NO_FAULT(3, "", "rdtscp");

    // Model-specific registers.
    with.ecx = MSR_TSC;
    EXPECT_PRIVILEGED("", "rdmsr");
    with.ecx = MSR_TSC;
    EXPECT(3, "", "wrmsr", VECTOR_GP, 0);
    with.ecx = MSR_TSC;
    EXPECT_NO_FAULT(0, "", "rdmsr; mov ebx, eax; mov esi, edx; rdtsc; sub eax, ebx; sbb edx, esi");
    check("MSR 0x10 is the TSC", last.edx == 0 && last.eax < 1u << 30, 1);
    with.ecx = MSR_APIC_BASE;
    EXPECT_NO_FAULT(0, "", "rdmsr");
    check("APIC base", last.eax & 0xFFFFF000, 0xFEE00000);
    check("bootstrap processor", last.eax & 0x100, 0x100);

    EXPECT(3, "xor ecx, ecx", "rdpmc", VECTOR_GP, 0);
    if (more & ECX_XSAVE)
        EXPECT(3, "xor ecx, ecx", "xsetbv", VECTOR_GP, 0);
    else
        EXPECT(3, "xor ecx, ecx", "xgetbv", VECTOR_UD, 0), EXPECT(0, "xor ecx, ecx", "xsetbv", VECTOR_UD, 0);
    finish();
}
