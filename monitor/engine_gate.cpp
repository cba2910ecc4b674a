#include "monitor/engine_gate.hpp"

#include <signal.h>
#include <sys/mman.h>

#include <algorithm>
#include <stdexcept>

#include "monitor/gate.hpp"
#include "shadow/check.hpp"
#include "shadow/gate_sites.hpp"

extern "C" {
void engine_gate(std::uint32_t site);
void engine_gate_deferred();
}

namespace ringpress {

namespace {

struct Gate {
    CoreLoop* loop = nullptr;
    MachineCore* core = nullptr;
    HostSelectors* current = nullptr;
    void (*end)() = nullptr;
    volatile bool timer_expired = false;  ///< among what was deferred
} gate;

/// From a settled virtual CPU to what gate.S resumes with.
void leave() {
    const Entry entry = gate.loop->entry();
    const VCpu& cpu = gate.loop->cpu();
    GateFrame& f = gate_frame;
    std::copy_n(cpu.gpr, 8, f.gpr);
    f.eflags = entry.eflags;
    f.target_eip = cpu.eip;
    f.target_cs = entry.selectors[Seg::cs];
    for (unsigned i = 0; i < 6; ++i) {
        // CS is loaded by the far jump itself.
        if (static_cast<Seg>(i) != Seg::cs && entry.selectors.selector[i] != gate.current->selector[i])
            f.reload |= static_cast<std::uint8_t>(1u << i);
        f.selectors[i] = entry.selectors.selector[i];
    }
    *gate.current = entry.selectors;
    f.slow = (entry.eflags & (eflags::TF | eflags::AC)) != 0;
}

}  // namespace

void open_gates(CoreLoop& loop, MachineCore& core, HostSelectors& current, void (*end)()) {
    constexpr std::size_t kStackBytes = 128 << 10;
    void* stack = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack == MAP_FAILED) throw std::runtime_error("no memory for the gate's stack");
    gate_stack_top = reinterpret_cast<std::uint64_t>(stack) + kStackBytes;
    gate.loop = &loop;
    gate.core = &core;
    gate.current = &current;
    gate.end = end;
    core.enable_gates(reinterpret_cast<std::uint64_t>(gate_entry), current);
}

Interrupted interrupted_gate(int signal, bool asynchronous, ucontext_t& context) {
    auto& rip = context.uc_mcontext.gregs[REG_RIP];
    const auto at = static_cast<std::uint64_t>(rip);
    const auto within = [&](const char* from, const char* to) {
        return at >= reinterpret_cast<std::uint64_t>(from) && at < reinterpret_cast<std::uint64_t>(to);
    };
    if (at == reinterpret_cast<std::uint64_t>(gate_slow_end) && signal == SIGTRAP)
        return Interrupted::leaving;
    const bool in_code = within(gate_entry, gate_end) || (gate.core && gate.core->in_landing(at));
    if (!asynchronous) {
        CHECK(!in_code && !gate_open);  // the gate itself has faulted
        return Interrupted::other;
    }
    if (!in_code && !gate_open) return Interrupted::other;
    engine_deferred = 1;
    if (signal == SIGALRM) gate.timer_expired = true;
    // The way out reads memory only: it starts over and sees what was deferred.
    if (within(gate_exit, gate_end)) rip = reinterpret_cast<long long>(gate_exit);
    return Interrupted::gate;
}

}  // namespace ringpress

using namespace ringpress;

void engine_gate(std::uint32_t site) {
    CoreLoop& loop = *gate.loop;
    VCpu& cpu = loop.cpu();
    std::copy_n(gate_frame.gpr, 8, cpu.gpr);
    cpu.eflags = merge_flags(cpu.eflags, static_cast<std::uint32_t>(gate_frame.eflags));
    gate_frame.reload = 0;
    core_called = 0;
    loop.handle_gate(site);
    if (!loop.settle()) gate.end();
    leave();
}

void engine_gate_deferred() {
    engine_deferred = 0;
    core_called = 1;  // the signal's return may have
    if (gate.timer_expired) {
        gate.timer_expired = false;
        gate.loop->timer_expired();
    }
    gate.loop->handle_interrupt();
    if (!gate.loop->settle()) gate.end();
    leave();
}
