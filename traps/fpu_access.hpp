// When x87, MMX and SSE instructions fault because the operating system has switched their registers off.
#pragma once

#include "shadow/fault.hpp"
#include "traps/instruction.hpp"

namespace ringpress {

/// The CR0 and CR4 bits that check_fpu() reads: a change of one changes what may run natively.
inline constexpr std::uint32_t kFpuBitsOfCr0 = cr0::MP | cr0::EM | cr0::TS, kFpuBitsOfCr4 = cr4::OSFXSR;

/// The #UD or #NM that an instruction meets before it does anything; no fault: it may run.  The host's own
/// CR0 and CR4 always let it.  SDM Vol. 3A, table 2-2 (x87, wait), section 12.1 (MMX), table 13-1 (SSE).
Result<void> check_fpu(FpuUse use, const VCpu& cpu);

}  // namespace ringpress
