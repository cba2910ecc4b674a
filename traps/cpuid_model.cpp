#include "traps/cpuid_model.hpp"

#include <cpuid.h>

#include <cstring>

namespace ringpress {

namespace {

/// CPUID.1:EDX, SDM Vol. 2A, table 3-11: FPU DE PSE TSC MSR CX8 APIC PGE CMOV PAT MMX FXSR SSE SSE2.
/// Left out because ring compression cannot carry them (VME, SEP), because shadowing does not do them yet
/// (PAE), or because they only offer the guest hardware that is not there (MCE, MTRR, MCA, PSE-36, CLFSH
/// ...).
constexpr std::uint32_t kFeatures = 1u << 0 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 8 | 1u << 9 |
                                    1u << 13 | 1u << 15 | 1u << 16 | 1u << 23 | 1u << 24 | 1u << 25 |
                                    1u << 26;
constexpr std::uint32_t kApicBit = 1u << 9;

/// CPUID.1:ECX, SDM Vol. 2A, table 3-10: SSE3 PCLMULQDQ SSSE3 SSE4.1 SSE4.2 POPCNT AESNI: all that FXSAVE
/// covers.  C libraries choose their copying loops by these; without them they take string instructions,
/// which run slowly in segments that have a base.
constexpr std::uint32_t kFeatures2 = 1u << 0 | 1u << 1 | 1u << 9 | 1u << 19 | 1u << 20 | 1u << 23 | 1u << 25;

/// Family 6, model 28, stepping 10: an in-order core.  It has no speculation flaws, and operating systems
/// know it: Linux leaves out retpolines, page-table isolation and buffer clearing of its own accord.
constexpr std::uint32_t kSignature = 0x000106CA;

constexpr std::uint32_t kMaxLeaf = 0x16, kMaxExtendedLeaf = 0x80000008;
constexpr std::uint32_t kArchCapabilitiesBit = 1u << 29;  // CPUID.7.0:EDX
/// CPUID.7.0:EBX.  Says that the time-stamp counter can be trusted: without it, operating systems compare it
/// with timer ticks, and distrust it when the host makes ticks late.
constexpr std::uint32_t kTscAdjustBit = 1u << 1;

/// The local APIC's timer counts at 1 GHz (monitor/devices/local_apic.hpp); CPUID.15H names it as the
/// crystal.
constexpr std::uint64_t kCrystalHz = 1'000'000'000;
/// A numerator that large may be multiplied with the crystal's kHz in 32 bits, as operating systems do.
constexpr std::uint64_t kMaxNumerator = 4290;

struct Ratio {
    std::uint32_t numerator, denominator;
};

/// The best approximation of hz / kCrystalHz with a small numerator, by continued fractions: its error is
/// below one part in numerator * denominator.
Ratio crystal_ratio(std::uint64_t hz) {
    std::uint64_t a = hz, b = kCrystalHz;
    std::uint64_t n0 = 0, n1 = 1, d0 = 1, d1 = 0;
    while (b) {
        const std::uint64_t q = a / b, n = q * n1 + n0, d = q * d1 + d0;
        if (n > kMaxNumerator || d > 0xFFFFFFFFu) break;
        n0 = n1, n1 = n, d0 = d1, d1 = d;
        const std::uint64_t rest = a % b;
        a = b, b = rest;
    }
    return {static_cast<std::uint32_t>(n1), static_cast<std::uint32_t>(d1)};
}

/// The host's caches, so that guests choose their copying loops by the right sizes.  AMD describes them in a
/// leaf of its own, with the layout of Intel's.
void host_caches(CpuModel& model) {
    constexpr std::uint32_t kTypeMask = 31;
    constexpr std::uint32_t kLevels = 0x3FFF;  // type, level, flags; above: how many processors share it
    for (const std::uint32_t leaf : {4u, 0x8000001Du}) {
        for (unsigned i = 0; i < CpuModel::kCaches; ++i) {
            std::uint32_t a, b, c, d;
            if (!__get_cpuid_count(leaf, i, &a, &b, &c, &d) || !(a & kTypeMask)) break;
            model.caches[i] = {a & kLevels, b, c, d};
        }
        if (model.caches[0].eax) return;
    }
}

}  // namespace

CpuModel host_cpu_model(bool apic) {
    CpuModel model;
    model.signature = kSignature;
    model.apic = apic;
    std::uint32_t a, b, c = 0, d = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d)) c = d = 0;
    // The local APIC is the monitor's own device; the rest runs on the host's processor.
    model.features_edx = kFeatures & (d | kApicBit);
    if (!apic) model.features_edx &= ~kApicBit;
    model.features_ecx = kFeatures2 & c;
    host_caches(model);
    return model;
}

CpuidLeaf cpuid_leaf(const CpuModel& model, std::uint32_t leaf, std::uint32_t part, bool apic_enabled) {
    // Beyond the last leaf, Intel's processors answer as for the last basic leaf.
    if (leaf > kMaxExtendedLeaf || (leaf > kMaxLeaf && leaf < 0x80000000u)) leaf = kMaxLeaf;
    CpuidLeaf r;
    switch (leaf) {
        case 0:
            r = {kMaxLeaf, 0x756E6547u, 0x6C65746Eu, 0x49656E69u};  // "GenuineIntel" in ebx, edx, ecx
            break;
        case 1:
            r.eax = model.signature;
            r.ebx = 1u << 16;  // one logical processor, APIC id 0
            r.ecx = model.features_ecx;
            r.edx = model.features_edx;
            if (!apic_enabled) r.edx &= ~kApicBit;
            break;
        case 2: r.eax = 0xFF << 8 | 1; break;  // one round; FFH: see leaf 4
        case 4:
            if (part < CpuModel::kCaches) r = model.caches[part];
            break;
        case 7:
            r.ebx = kTscAdjustBit;
            r.edx = kArchCapabilitiesBit;
            break;
        case 0x15:  // how fast the time-stamp counter runs, so that guests need not measure it
            if (model.tsc_hz) {
                const Ratio ratio = crystal_ratio(model.tsc_hz);
                r = {ratio.denominator, ratio.numerator, static_cast<std::uint32_t>(kCrystalHz), 0};
            }
            break;
        case 0x16: r.eax = r.ebx = static_cast<std::uint32_t>(model.tsc_hz / 1'000'000); break;
        case 0x80000000u: r.eax = kMaxExtendedLeaf; break;
        case 0x80000002u:
        case 0x80000003u:
        case 0x80000004u: std::memcpy(&r, model.brand + (leaf - 0x80000002u) * sizeof r, sizeof r); break;
        case 0x80000007u: r.edx = 1u << 8; break;  // the time-stamp counter never stops or changes speed
        case 0x80000008u: r.eax = 32u << 8 | 32u; break;  // linear and physical address bits
        default: break;
    }
    return r;
}

}  // namespace ringpress
