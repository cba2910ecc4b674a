// What trap handling needs of the machine around the CPU.  Implemented by monitor/devices/.
#pragma once

#include <cstdint>

#include "shadow/guest_memory.hpp"

namespace ringpress {

/// Nanoseconds of guest time since the machine was started.
using Nanoseconds = std::uint64_t;
inline constexpr Nanoseconds kNever = ~Nanoseconds{0};

class DeviceBus : public MmioBus {
  public:
    /// width is 1, 2 or 4.  A port that no device claims reads as ones and ignores writes.
    virtual std::uint32_t port_in(std::uint16_t port, unsigned width) = 0;
    virtual void port_out(std::uint16_t port, unsigned width, std::uint32_t value) = 0;

    /// True while the interrupt controller asserts INTR.
    virtual bool interrupt_pending() const = 0;
    /// The interrupt-acknowledge cycle: the vector to deliver, or -1 when no controller claims one after all.
    virtual int acknowledge_interrupt() = 0;

    /// Brings every device up to now; may raise or lower lines.
    virtual void advance(Nanoseconds now) = 0;
    /// The earliest moment at which advance() has something to do, or kNever.
    virtual Nanoseconds next_deadline() const = 0;
};

}  // namespace ringpress
