#include "traps/fpu_access.hpp"

namespace ringpress {

Result<void> check_fpu(FpuUse use, const VCpu& cpu) {
    const bool emulated = cpu.cr0 & cr0::EM, switched = cpu.cr0 & cr0::TS;
    const Fault not_available{Vector::NM, 0, 0};
    switch (use) {
        case FpuUse::none: return {};
        case FpuUse::wait:  // monitored only with MP, and not concerned by EM
            if (switched && (cpu.cr0 & cr0::MP)) return not_available;
            return {};
        case FpuUse::sse:
            if (!(cpu.cr4 & cr4::OSFXSR)) return Fault::ud();
            [[fallthrough]];
        case FpuUse::mmx:  // there is nobody to emulate these
            if (emulated) return Fault::ud();
            break;
        case FpuUse::x87:
        case FpuUse::state:
            if (emulated) return not_available;
            break;
    }
    if (switched) return not_available;
    return {};
}

}  // namespace ringpress
