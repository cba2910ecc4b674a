// The local APIC of the one processor (xAPIC).  Source: SDM Vol. 3A, chapter 10.
//
// The timer's bus clock is 1 GHz, one nanosecond of guest time.  SMI, INIT and start-up messages, and NMIs as
// messages, have no receiver in a machine of one processor and are dropped.  The page does not move:
// IA32_APIC_BASE is fixed.
#pragma once

#include <cstdint>

#include "monitor/devices/device.hpp"
#include "monitor/devices/late_ticks.hpp"

namespace ringpress {

/// A set of vectors, as the ISR, TMR and IRR store it.
struct VectorSet {
    std::uint32_t words[8] = {};
    void add(unsigned v) { words[v >> 5 & 7u] |= 1u << (v & 31u); }
    void remove(unsigned v) { words[v >> 5 & 7u] &= ~(1u << (v & 31u)); }
    bool has(unsigned v) const { return words[v >> 5 & 7u] >> (v & 31u) & 1u; }
    /// The highest vector in the set, or -1.
    int highest() const {
        for (int i = 7; i >= 0; --i)
            if (words[i]) return 32 * i + 31 - __builtin_clz(words[i]);
        return -1;
    }
};

struct LocalApicState {
    std::uint32_t id = 0, tpr = 0, ldr = 0, dfr = 0, svr = 0, esr = 0;
    std::uint32_t icr_low = 0, icr_high = 0;
    std::uint32_t lvt[6] = {};  ///< timer, thermal, performance, LINT0, LINT1, error
    VectorSet isr, tmr, irr;
    std::uint32_t initial_count = 0;
    std::uint32_t divide = 0;  ///< divide configuration register
    Nanoseconds timer_started = 0;
    Nanoseconds deadline = kNever;
    LateTicks late;
    std::uint8_t pending = 0;  ///< a vector in IRR outranks PPR
};

/// Told when the handler of a level-triggered vector has ended: the EOI message to the I/O APIC.
class EoiListener {
  public:
    virtual ~EoiListener() = default;
    virtual void end_of_interrupt(std::uint8_t vector) = 0;
};

class LocalApic {
  public:
    static constexpr std::uint32_t kBase = 0xFEE00000;

    LocalApic(LocalApicState& state, const DeviceClock& clock, EoiListener& eoi)
        : s_(state), clock_(clock), eoi_(eoi) {}

    /// As a BIOS leaves it: enabled, virtual wire mode (LINT0 is ExtINT, LINT1 is NMI).
    void power_on();

    /// offset is within the page.  Registers are 32 bits at multiples of 16; narrower writes are ignored.
    std::uint32_t read(unsigned offset, unsigned width);
    void write(unsigned offset, unsigned width, std::uint32_t value);

    /// A fixed or lowest-priority interrupt message for this processor.
    void accept(std::uint8_t vector, bool level_triggered);
    /// Whether a message with this destination field is for this processor.
    bool matches(std::uint8_t destination, bool logical) const;

    /// An edge at LINT1: what its LVT entry says becomes of it.  True: an NMI.
    bool lint1();

    bool pending() const { return s_.pending; }
    /// LINT0 passes the 8259's requests on to the processor.
    bool passes_pic() const;
    /// Takes the highest-priority request into service: its vector, or -1.
    int acknowledge();

    void advance();
    Nanoseconds deadline() const { return s_.deadline; }

  private:
    bool enabled() const { return s_.svr & 0x100u; }
    std::uint32_t priority() const;
    void update();
    Nanoseconds timer_unit() const;
    Nanoseconds timer_period() const { return s_.initial_count * timer_unit(); }
    bool timer_periodic() const { return s_.lvt[0] & 0x20000u; }
    std::uint32_t current_count() const;
    void start_timer();
    void schedule();
    void fire_timer();
    void write_lvt(unsigned entry, std::uint32_t value);
    void send_ipi();
    void end_of_interrupt();
    std::uint32_t read_register(unsigned offset) const;

    LocalApicState& s_;
    const DeviceClock& clock_;
    EoiListener& eoi_;
};

}  // namespace ringpress
