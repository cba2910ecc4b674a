// The virtual CPU as text, in the layout that QEMU's users know from `info registers`.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "shadow/vcpu.hpp"

namespace ringpress {

/// Several lines, each ended.
std::string cpu_dump(const VCpu& cpu);

/// The same for the FPU's and SSE's registers, as FXSAVE stores them: SDM Vol. 1, table 10-2.
std::string fpu_dump(std::span<const std::uint8_t, 512> image);

}  // namespace ringpress
