// The gate's part of the seccomp engine: see gate.S for the way in and out.
#pragma once

#include <ucontext.h>

#include "monitor/engine_common.hpp"
#include "monitor/gate.hpp"

namespace ringpress {

/// Lets code views have gate sites, and gives the gate its stack.  Before the fence.  `current` holds what
/// the guest was last resumed with; `end` is where the process waits once the guest has ended.
void open_gates(CoreLoop& loop, MachineCore& core, HostSelectors& current, [[noreturn]] void (*end)());

/// The gate's state, for gate.S's two ways into C++: engine_gate_quick() and engine_gate().
struct GateEngine {
    CoreLoop* loop = nullptr;
    MachineCore* core = nullptr;
    Dispatcher* dispatcher = nullptr;
    VCpu* cpu = nullptr;
    const std::atomic<std::uint32_t>* traced_causes = nullptr;
    HostSelectors* current = nullptr;
    void (*end)() = nullptr;
    volatile bool timer_expired = false;  ///< among what was deferred
};
extern GateEngine gate_engine;

/// From the registers as gate.S has stored them.
inline void take_gate_frame(VCpu& cpu) {
    for (unsigned i = 0; i < 8; ++i) cpu.gpr[i] = gate_frame.gpr[i];
    cpu.eflags = merge_flags(cpu.eflags, static_cast<std::uint32_t>(gate_frame.eflags));
    gate_frame.reload = 0;
    core_called = 0;
}

/// From a settled virtual CPU to what gate.S resumes with.
inline void fill_gate_frame(const VCpu& cpu, const Entry& entry, HostSelectors& current) {
    GateFrame& f = gate_frame;
    for (unsigned i = 0; i < 8; ++i) f.gpr[i] = cpu.gpr[i];
    f.eflags = entry.eflags;
    f.target_eip = entry.eip ? entry.eip : cpu.eip;
    f.target_cs = entry.selectors[Seg::cs];
    for (unsigned i = 0; i < 6; ++i) {
        // CS is loaded by the far jump itself.
        if (static_cast<Seg>(i) != Seg::cs && entry.selectors.selector[i] != current.selector[i])
            f.reload |= static_cast<std::uint8_t>(1u << i);
        f.selectors[i] = current.selector[i] = entry.selectors.selector[i];
    }
    f.slow = (entry.eflags & (eflags::TF | eflags::AC)) != 0;
}

/// What a signal found in 64-bit mode means.
enum class Interrupted : std::uint8_t {
    gate,     ///< the gate was open; the signal was noted and is dealt with on the way out
    leaving,  ///< the gate asks to resume the guest through this signal frame
    other,    ///< nothing of the gate's
};
Interrupted interrupted_gate(int signal, bool asynchronous, ucontext_t& context);

}  // namespace ringpress
