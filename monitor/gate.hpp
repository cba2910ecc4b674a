// C++ side of gate.S.
#pragma once

#include <cstddef>
#include <cstdint>

#include "shadow/shadow_descriptors.hpp"

extern "C" {
struct GateFrame {
    std::uint32_t gpr[8];  ///< in the order of Gpr
    std::uint64_t eflags;
    std::uint32_t target_eip;
    std::uint16_t target_cs;
    std::uint16_t reserved;
    std::uint16_t selectors[6];
    std::uint8_t reload;  ///< bit n: load that segment register from `selectors`, in Seg order
    std::uint8_t slow;    ///< leave through a signal frame
    std::uint16_t reserved2;
    std::uint64_t fs_base;  ///< the guest's, as the hardware held it
};
static_assert(offsetof(GateFrame, eflags) == 32 && offsetof(GateFrame, target_eip) == 40 &&
              offsetof(GateFrame, selectors) == 48 && offsetof(GateFrame, reload) == 60 &&
              offsetof(GateFrame, fs_base) == 64);

extern GateFrame gate_frame;
/// The guest's FPU, as of FXSAVE.
extern std::uint8_t gate_fpu[512];
extern std::uint64_t gate_stack_top;
/// Not 0: a signal came while the gate was open.
extern volatile std::uint32_t engine_deferred;
/// 1 while C++ of the gate runs; outside of it the code between gate_entry and gate_end does, or the guest.
extern volatile std::uint8_t gate_open;
/// 1: a system call or a signal has loaded SS since the gate was entered; core_syscalls.S.
extern volatile std::uint8_t core_called;
extern const char gate_entry[], gate_exit[], gate_end[], gate_slow_end[];
}
