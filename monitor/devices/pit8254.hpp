// The Intel 8254 programmable interval timer: three counters at 1.193182 MHz.  Counter 0 drives IRQ 0,
// counter 2 the speaker and OUT2 in port 0x61.  Source: Intel 8254 datasheet (order 231164).
//
// Nothing ticks.  A counter remembers the cycle at which it was loaded; its value and its OUT pin are
// functions of the present moment, and only the rising edges of OUT 0 have deadlines.
#pragma once

#include <cstdint>

#include "monitor/devices/device.hpp"
#include "monitor/devices/late_ticks.hpp"

namespace ringpress {

inline constexpr std::uint64_t kPitHz = 1'193'182;

struct PitCounter {
    std::uint32_t count = 0x10000;  ///< the divisor, 1..65536 (1..10000 in BCD)
    std::uint32_t next_count = 0;   ///< modes 2 and 3: takes effect at the next reload; 0: none
    std::int64_t loaded_at = 0;     ///< cycle
    std::int64_t held_at = 0;       ///< cycles counted when the gate stopped the counter
    std::uint16_t latch = 0;
    std::uint8_t latched = 0;  ///< the count latch is valid
    std::uint8_t status = 0;
    std::uint8_t status_latched = 0;
    std::uint8_t mode = 0;  ///< 0..5
    std::uint8_t bcd = 0;
    std::uint8_t access = 3;  ///< 1: low byte, 2: high byte, 3: both
    std::uint8_t gate = 1;
    std::uint8_t loaded = 0;      ///< counting (or held); otherwise waits for a count or a trigger
    std::uint8_t null_count = 0;  ///< control word or count written, not loaded yet
    std::uint8_t read_high = 0;   ///< access 3: the next read gives the high byte
    std::uint8_t write_high = 0;
    std::uint8_t low_byte = 0;
};

struct Pit8254State {
    PitCounter counters[3];
    std::uint8_t speaker = 0;    ///< port 0x61 bit 1
    std::uint8_t irq_level = 0;  ///< OUT 0 as last driven
    std::uint8_t edge_due = 0;   ///< counter 0 has a rising edge ahead
    std::int64_t next_edge = 0;  ///< its cycle
    Nanoseconds deadline = kNever;
    LateTicks late;
};

class Pit8254 final : public PortDevice {
  public:
    Pit8254(Pit8254State& state, IrqLines& irq, const DeviceClock& clock)
        : s_(state), irq_(irq), clock_(clock) {}

    /// As a BIOS leaves it: counter 0 in mode 2 with the full divisor (18.2 Hz), counter 1 at the DRAM
    /// refresh rate.
    void power_on();

    /// Offsets 0..2 are the counters, 3 the control word.
    std::uint32_t read(unsigned offset, unsigned width) override;
    void write(unsigned offset, unsigned width, std::uint32_t value) override;

    /// Raises IRQ 0 for the edges that have passed; see late_ticks.hpp.
    void advance();
    Nanoseconds deadline() const { return s_.deadline; }
    /// The guest took an interrupt that IRQ 0 caused.
    void acknowledged();

    /// The OUT pin of a counter, 0..2, now.
    bool out(unsigned counter) const;
    /// The GATE pin of a counter.  Those of 0 and 1 are tied high; 2 hangs on port 0x61.
    void set_gate(unsigned counter, bool level);
    bool gate(unsigned counter) const { return s_.counters[counter].gate; }

  private:
    std::int64_t cycle() const;
    void control(std::uint8_t word);
    void latch_count(PitCounter& c);
    std::uint8_t read_counter(PitCounter& c);
    void load(unsigned number, std::uint32_t value);
    void schedule();
    void drive_irq();

    Pit8254State& s_;
    IrqLines& irq_;
    const DeviceClock& clock_;
};

/// Port 0x61: bit 0 gate of counter 2, bit 1 speaker, bit 4 DRAM refresh toggle, bit 5 OUT 2.
/// Source: 82371AB datasheet, section 4.2.6 (NMI status and control register).
class SystemControlB final : public PortDevice {
  public:
    SystemControlB(Pit8254State& state, Pit8254& pit, const DeviceClock& clock)
        : s_(state), pit_(pit), clock_(clock) {}
    std::uint32_t read(unsigned offset, unsigned width) override;
    void write(unsigned offset, unsigned width, std::uint32_t value) override;

  private:
    Pit8254State& s_;
    Pit8254& pit_;
    const DeviceClock& clock_;
};

}  // namespace ringpress
