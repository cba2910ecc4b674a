// The supervisor's side of the trace ring.
#pragma once

#include <cstdint>

#include "monitor/trace/trap_record.hpp"

namespace ringpress {

class TraceRingReader {
  public:
    /// Begins behind what the ring holds.
    explicit TraceRingReader(const TraceRing& ring) : ring_(ring), seen_(ring.written.load()) {}

    /// Takes the next record.  False if there is none.  `lost` grows by the records that were overwritten
    /// before they could be read, or that make no sense: no core of ours has written those.  What is taken
    /// has a cause, an instruction and a privilege that exist, and lengths within their arrays.
    bool next(TraceRecord& record, std::uint64_t& lost);
    /// Records that can be read now, by what the core says.
    std::uint64_t waiting() const { return ring_.written.load(std::memory_order_acquire) - seen_; }

  private:
    const TraceRing& ring_;
    std::uint64_t seen_;  ///< number of the next record
};

}  // namespace ringpress
