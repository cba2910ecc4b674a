// The I/O APIC: 24 inputs, each with a redirection entry.  Source: Intel 82093AA datasheet (order 290566).
#pragma once

#include <cstdint>

#include "monitor/devices/device.hpp"
#include "monitor/devices/local_apic.hpp"

namespace ringpress {

inline constexpr unsigned kIoApicPins = 24;

struct IoApicState {
    std::uint32_t id = 0;
    std::uint32_t index = 0;
    std::uint32_t lines = 0;  ///< levels of the inputs
    std::uint64_t entries[kIoApicPins] = {};
};

class IoApic {
  public:
    static constexpr std::uint32_t kBase = 0xFEC00000;
    /// The input that the 8259's INT output drives, and the one that ISA IRQ 0 does.
    static constexpr unsigned kPicPin = 0, kTimerPin = 2;

    IoApic(IoApicState& state, LocalApic& cpu) : s_(state), cpu_(cpu) {}

    void power_on();
    std::uint32_t read(unsigned offset, unsigned width);
    void write(unsigned offset, unsigned width, std::uint32_t value);

    void set_line(unsigned pin, bool level);
    void end_of_interrupt(std::uint8_t vector);

    /// Pin 0 is programmed to pass the 8259's requests on.
    bool passes_pic() const;
    /// The vector that IRQ 0 is delivered at, or -1 if it is masked.
    int timer_vector() const;

  private:
    std::uint32_t read_register() const;
    void write_register(std::uint32_t value);
    void service(unsigned pin);

    IoApicState& s_;
    LocalApic& cpu_;
};

}  // namespace ringpress
