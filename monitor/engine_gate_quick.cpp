// The gate's first try, before the FPU's registers are saved: compiled for general registers only, as
// traps/quick_gate.cpp is, and calling nothing else.
#include "monitor/engine_gate.hpp"

extern "C" unsigned engine_gate_quick(std::uint32_t site);

/// Dispatcher::Quick as a number: 0, gate.S goes on to engine_gate(); 1, the same, with the instruction done;
/// 2, the guest can be resumed.
unsigned engine_gate_quick(std::uint32_t site) {
    using namespace ringpress;
#ifdef RINGPRESS_SANITIZED
    return 0;  // the sanitizers' checks call functions that use what they like
#endif
    const GateEngine& gate = gate_engine;
    if (gate.traced_causes->load(std::memory_order_relaxed)) return 0;
    VCpu& cpu = *gate.cpu;
    take_gate_frame(cpu);
    Entry entry;
    const auto quick = gate.dispatcher->quick_gate(site, entry);
    if (quick == Dispatcher::Quick::done) fill_gate_frame(cpu, entry, *gate.current);
    return static_cast<unsigned>(quick);
}
