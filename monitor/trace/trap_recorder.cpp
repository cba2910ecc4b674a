#include "monitor/trace/trap_recorder.hpp"

#include <x86intrin.h>

#include <algorithm>

#include "monitor/machine_core.hpp"

namespace ringpress {

namespace {

void note_state(const VCpu& cpu, TracedState& s) {
    std::copy_n(cpu.gpr, 8, s.gpr);
    s.eip = cpu.eip;
    s.eflags = cpu.eflags;
    s.cr0 = cpu.cr0;
    s.cr2 = cpu.cr2;
    s.cr3 = cpu.cr3;
    s.cr4 = cpu.cr4;
    for (unsigned i = 0; i < 6; ++i) s.selector[i] = cpu.seg[i].selector;
    s.cpl = cpu.cpl;
    s.activity = static_cast<std::uint8_t>(cpu.activity);
}

TraceRecord& next_record(TraceRing& ring) {
    return ring.records[ring.written.load(std::memory_order_relaxed) % kTraceRingSize];
}

}  // namespace

void TrapRecorder::note_before(const HostTrap& trap, std::uint32_t eip) {
    if (open_) finish();
    open_ = true;
    event_ = false;
    const VCpu& cpu = arena_.cpu;
    TraceRecord& r = next_record(arena_.trace);
    const SegmentRegister& cs = cpu.segment(Seg::cs);
    r.trap = {eip, trap.error, core_.trapped_address(trap), trap.vector, 0, 0, cpu.cpl};
    r.linear = cs.base + eip;
    r.flags = cs.is_big() ? 0 : TraceRecord::kCode16;
    r.code_bytes = static_cast<std::uint8_t>(core_.peek_code(gva(r.linear), r.code, 15));
    note_state(cpu, r.before);
    r.before.eip = eip;
    // Counters on the way in; finish() makes differences of them.
    const Statistics& s = arena_.statistics;
    r.burst = static_cast<std::uint32_t>(s.burst_instructions);
    r.proven = static_cast<std::uint32_t>(s.proven);
    r.gates_made = static_cast<std::uint32_t>(s.inlined_sites);
    r.mapped = static_cast<std::uint32_t>(arena_.shadow.counters.pages_mapped);
    core_.dispatcher().forget_delivered();
    r.guest_ns = core_.now();
    r.tsc = __rdtsc();
}

void TrapRecorder::begin(const HostTrap& trap) {
    note_before(trap, core_.trapped_eip(trap));
}

void TrapRecorder::begin_gate(gva site) {
    note_before({0, 0, site.value}, site.value - arena_.cpu.segment(Seg::cs).base);
}

void TrapRecorder::begin_event() {
    note_before({}, arena_.cpu.eip);
    event_ = true;
}

void TrapRecorder::finish() {
    const std::uint64_t end = __rdtsc();
    open_ = false;
    TraceRecord& r = next_record(arena_.trace);
    const Dispatcher& dispatcher = core_.dispatcher();
    const TrapCause cause = event_ ? TrapCause::interrupt : dispatcher.last_cause();
    if (!(arena_.traced_causes.load(std::memory_order_relaxed) >> static_cast<unsigned>(cause) & 1u)) return;
    r.ticks = static_cast<std::uint32_t>(std::min<std::uint64_t>(end - r.tsc, ~std::uint32_t{0}));
    r.trap.cause = static_cast<std::uint8_t>(cause);
    r.trap.insn = static_cast<std::uint8_t>(event_ ? InsnId::undefined : dispatcher.last_instruction());
    const Statistics& s = arena_.statistics;
    r.burst = static_cast<std::uint32_t>(s.burst_instructions) - r.burst;
    r.proven = static_cast<std::uint32_t>(s.proven) - r.proven;
    r.gates_made = static_cast<std::uint32_t>(s.inlined_sites) - r.gates_made;
    r.mapped = static_cast<std::uint32_t>(arena_.shadow.counters.pages_mapped) - r.mapped;
    r.reflected = dispatcher.delivered().reflected;
    r.injected = dispatcher.delivered().injected;
    note_state(arena_.cpu, r.after);
    std::atomic<std::uint64_t>& written = arena_.trace.written;
    written.store(written.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

}  // namespace ringpress
