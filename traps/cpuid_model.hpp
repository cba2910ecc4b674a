// What CPUID answers: an i686 that can be virtualised by ring compression.
#pragma once

#include <cstdint>

#include "traps/machine.hpp"

namespace ringpress {

/// The model for this host: the design's feature set, less what the host's processor lacks.
/// apic: the board has a local APIC.  Executes cpuid; call it outside the guest's process.
CpuModel host_cpu_model(bool apic);

/// One leaf as the guest sees it; `part` is ECX, for leaves with several parts.  apic_enabled:
/// IA32_APIC_BASE[11], which hides the feature when clear.
CpuidLeaf cpuid_leaf(const CpuModel& model, std::uint32_t leaf, std::uint32_t part, bool apic_enabled);

/// IA32_ARCH_CAPABILITIES: which speculation flaws this processor does not have.  A guest that keeps its
/// kernel apart from its users (page-table isolation) gains nothing here and pays at each switch.
inline constexpr std::uint64_t kArchCapabilities = 1u << 0 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 8;

}  // namespace ringpress
