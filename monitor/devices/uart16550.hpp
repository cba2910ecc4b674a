// The National Semiconductor 16550A UART.  Source: PC16550D datasheet (TL/C/8652).
//
// Transmission is as fast as the host takes the bytes: THRE stays set until the channel is full, and then
// reports backpressure truly.  Reception is paced by a character time, so that a receiver without FIFO sees
// one edge of its interrupt line per byte.
//
// OUT2 does not gate the interrupt, although it does on a PC's serial board: QEMU does not gate it either,
// and well-known teaching kernels leave MCR zero and expect receive interrupts.
#pragma once

#include <cstdint>

#include "monitor/devices/device.hpp"

namespace ringpress {

inline constexpr unsigned kUartFifo = 16;

struct Uart16550State {
    std::uint8_t ier = 0;
    std::uint8_t lcr = 0;
    std::uint8_t mcr = 0;
    std::uint8_t scratch = 0;
    std::uint8_t fifo_enabled = 0;
    std::uint8_t trigger = 1;            ///< bytes in the receive FIFO that raise the interrupt
    std::uint8_t overrun = 0;            ///< LSR bit 1
    std::uint8_t thre_interrupt = 0;     ///< the transmitter became empty and nobody has been told
    std::uint8_t timeout_interrupt = 0;  ///< bytes below the trigger have waited four character times
    std::uint8_t rx_count = 0, rx_first = 0;
    std::uint8_t tx_count = 0, tx_first = 0;
    std::uint16_t divisor = 12;  ///< 9600 baud
    std::uint8_t rx[kUartFifo] = {};
    std::uint8_t tx[kUartFifo] = {};  ///< held back while the channel is full
    Nanoseconds next_receive = 0;     ///< the line is busy until then
    Nanoseconds timeout_at = kNever;
    Nanoseconds retry_at = kNever;  ///< when to offer the held-back bytes again
};

class Uart16550 final : public PortDevice {
  public:
    /// irq: the ISA interrupt, 4 for COM1.
    Uart16550(Uart16550State& state, unsigned irq, IrqLines& lines, const DeviceClock& clock,
              ByteChannel& channel)
        : s_(state), irq_(irq), lines_(lines), clock_(clock), channel_(channel) {}

    void power_on();
    std::uint32_t read(unsigned offset, unsigned width) override;
    void write(unsigned offset, unsigned width, std::uint32_t value) override;
    void advance();
    Nanoseconds deadline() const;

  private:
    Nanoseconds character_time() const;
    unsigned capacity() const { return s_.fifo_enabled ? kUartFifo : 1; }
    void receive(std::uint8_t byte);
    std::uint8_t take_received();
    void transmit(std::uint8_t byte);
    void drain();
    void set_fifo_control(std::uint8_t value);
    std::uint8_t line_status() const;
    std::uint8_t modem_status() const;
    std::uint8_t interrupt_id() const;
    void update();

    Uart16550State& s_;
    unsigned irq_;
    IrqLines& lines_;
    const DeviceClock& clock_;
    ByteChannel& channel_;
};

}  // namespace ringpress
