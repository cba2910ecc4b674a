// An arena into which a test writes traps, as a core would.
#pragma once

#include <memory>

#include "monitor/arena.hpp"
#include "traps/instruction.hpp"

namespace ringpress::test {

class TracedArena {
  public:
    Arena& operator*() { return *arena_; }
    Arena* operator->() { return arena_.get(); }

    /// The record that the next publish() makes visible, emptied.
    TraceRecord& next() {
        TraceRecord& r = arena_->trace.records[arena_->trace.written % kTraceRingSize];
        r = {};
        return r;
    }
    void publish() { ++arena_->trace.written; }
    void add(TrapCause cause, std::uint32_t eip) {
        TraceRecord& r = next();
        r.trap.cause = static_cast<std::uint8_t>(cause);
        r.trap.insn = static_cast<std::uint8_t>(InsnId::cli);
        r.trap.eip = r.linear = r.before.eip = eip;
        r.after.eip = eip + 1;
        publish();
    }

  private:
    std::unique_ptr<Arena> arena_ = std::make_unique<Arena>();
};

}  // namespace ringpress::test
