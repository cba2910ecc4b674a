// The virtual CPU as text, in the layout that QEMU's users know from `info registers`.
#pragma once

#include <string>

#include "shadow/vcpu.hpp"

namespace ringpress {

/// Several lines, each ended.
std::string cpu_dump(const VCpu& cpu);

}  // namespace ringpress
