// What every device is made of: a plain state struct in the arena, and a class that is a pure state machine
// over it.  A device sees offsets from the start of its ports, not port numbers; its interrupt line, its
// clock and its byte channels are injected, so that a test can hold all of them in its hands.
#pragma once

#include <cstdint>

#include "traps/device_bus.hpp"

namespace ringpress {

/// An interrupt input of the board (ISA IRQ 0..15), level as driven by the device.
class IrqLines {
  public:
    virtual ~IrqLines() = default;
    virtual void set(unsigned irq, bool level) = 0;
};

/// The present moment; moved on by DeviceBus::advance() and read by devices at every access.
class DeviceClock {
  public:
    virtual ~DeviceClock() = default;
    virtual Nanoseconds now() const = 0;
    /// Seconds since the Unix epoch at now() == 0, for the real-time clock.
    virtual std::int64_t epoch_seconds() const = 0;
};

/// Bytes to and from the host (terminal, file); backed by a ByteRing in the arena.
class ByteChannel {
  public:
    virtual ~ByteChannel() = default;
    virtual bool can_send() const = 0;         ///< room for one more byte towards the host
    virtual void send(std::uint8_t byte) = 0;  ///< dropped if !can_send()
    virtual bool can_receive() const = 0;
    virtual std::uint8_t receive() = 0;  ///< only if can_receive()
};

/// What the machine asks of its owner: the guest wants to end, or to start over.
class PowerControl {
  public:
    virtual ~PowerControl() = default;
    virtual void exit_with(int code) = 0;  ///< isa-debug-exit: code = (value << 1) | 1
    virtual void power_off() = 0;
    virtual void reset() = 0;  ///< port 0x92, keyboard controller, port 0xCF9
};

/// A device on I/O ports.  width is 1, 2 or 4 bytes.
class PortDevice {
  public:
    virtual ~PortDevice() = default;
    virtual std::uint32_t read(unsigned offset, unsigned width) = 0;
    virtual void write(unsigned offset, unsigned width, std::uint32_t value) = 0;
};

}  // namespace ringpress
