// Something that takes traps as they are read from the ring.
#pragma once

#include <cstdint>

#include "monitor/trace/trap_record.hpp"

namespace ringpress {

class TrapSink {
  public:
    virtual ~TrapSink() = default;
    /// A machine starts; again after each reset of the guest.
    virtual void machine_starts() = 0;
    virtual void put(const TraceRecord& record) = 0;
    /// `lost` records are missing here.
    virtual void gap(std::uint64_t lost) = 0;
    /// There is nothing more for now.
    virtual void flush() = 0;
    /// True once it wants no more: its file is full, or cannot be written.
    virtual bool closed() const = 0;
};

}  // namespace ringpress
