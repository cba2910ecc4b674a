#include "monitor/trace/ring_reader.hpp"

#include <cstring>

#include "shadow/vcpu.hpp"
#include "traps/statistics.hpp"

namespace ringpress {

namespace {

bool makes_sense(const TraceRecord& r) {
    const auto last_activity = static_cast<std::uint8_t>(Activity::shutdown);
    return r.trap.cause < kTrapCauses && r.trap.insn < static_cast<std::uint8_t>(InsnId::count_) &&
           r.trap.cpl <= 3 && r.before.cpl <= 3 && r.after.cpl <= 3 && r.before.activity <= last_activity &&
           r.after.activity <= last_activity && r.code_bytes <= 15;
}

}  // namespace

bool TraceRingReader::next(TraceRecord& record, std::uint64_t& lost) {
    // A hostile core can change the count at will: each call looks at no more than one ring of it.
    for (std::uint32_t tries = 0; tries < kTraceRingSize; ++tries) {
        const std::uint64_t written = ring_.written.load(std::memory_order_acquire);
        if (written == seen_) return false;
        // The slot of record `written` is being filled, so one less than the ring's size can be read.
        if (written - seen_ >= kTraceRingSize) {
            const std::uint64_t first = written - kTraceRingSize + 1;
            // From behind: the count went back, which it never does by itself.
            if (written > seen_) lost += first - seen_;
            seen_ = first;
        }
        std::memcpy(&record, &ring_.records[seen_ % kTraceRingSize], sizeof record);
        // What is checked must be what is used: the copy is not to be read from the ring again.
        std::atomic_signal_fence(std::memory_order_seq_cst);
        const std::uint64_t now = ring_.written.load(std::memory_order_acquire);
        if (now - seen_ >= kTraceRingSize) continue;  // overtaken while copying
        ++seen_;
        if (makes_sense(record)) return true;
        ++lost;
    }
    return false;
}

}  // namespace ringpress
