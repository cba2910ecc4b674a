#include "monitor/engine_gate.hpp"

#include <signal.h>
#include <sys/mman.h>

#include <algorithm>
#include <stdexcept>

#include "monitor/gate.hpp"
#include "shadow/check.hpp"
#include "shadow/gate_sites.hpp"

extern "C" {
/// emulated: engine_gate_quick() has done the instruction.
void engine_gate(std::uint32_t site, bool emulated);
void engine_gate_deferred();
}

namespace ringpress {

GateEngine gate_engine;

namespace {
GateEngine& gate = gate_engine;

void leave() {
    const Entry entry = gate.loop->entry();
    fill_gate_frame(*gate.cpu, entry, *gate.current);
}
}  // namespace

void open_gates(CoreLoop& loop, MachineCore& core, HostSelectors& current, void (*end)()) {
    constexpr std::size_t kStackBytes = 128 << 10;
    void* stack = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack == MAP_FAILED) throw std::runtime_error("no memory for the gate's stack");
    gate_stack_top = reinterpret_cast<std::uint64_t>(stack) + kStackBytes;
    gate.loop = &loop;
    gate.core = &core;
    gate.dispatcher = &core.dispatcher();
    gate.cpu = &loop.cpu();
    gate.traced_causes = &loop.traced_causes();
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

void engine_gate(std::uint32_t site, bool emulated) {
    CoreLoop& loop = *gate.loop;
    if (!emulated) {
        take_gate_frame(*gate.cpu);
        loop.handle_gate(site);
    }
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
