// The Motorola MC146818A real-time clock with its CMOS memory.  Source: MC146818A datasheet; the meaning of
// the memory bytes is the IBM AT's (Technical Reference, section 1).
//
// The clock is guest time plus an offset that the guest changes by setting the date.
#pragma once

#include <cstdint>

#include "monitor/devices/device.hpp"
#include "monitor/devices/late_ticks.hpp"

namespace ringpress {

struct RtcState {
    std::uint8_t index = 0;          ///< port 0x70, without the NMI mask
    std::uint8_t cmos[128] = {};     ///< registers A-D and the time registers as last written included
    std::int64_t offset = 0;         ///< seconds: date shown = epoch + guest time + offset
    std::int64_t updates_seen = 0;   ///< guest second up to which UF and AF are settled
    std::uint64_t periods_seen = 0;  ///< periodic interrupts that had passed then
    Nanoseconds deadline = kNever;
    LateTicks late;
};

/// What the BIOS records of the machine, in the units of the bytes that hold it.
struct CmosContents {
    std::uint32_t ram_bytes = 0;
    /// Sectors of IDE drives 0 and 1; 0: absent.
    std::uint64_t drive_sectors[2] = {};
};

class RtcMc146818 final : public PortDevice {
  public:
    RtcMc146818(RtcState& state, IrqLines& irq, const DeviceClock& clock)
        : s_(state), irq_(irq), clock_(clock) {}

    void power_on(const CmosContents& contents);
    /// Offset 0 is the index port, 1 the data port.
    std::uint32_t read(unsigned offset, unsigned width) override;
    void write(unsigned offset, unsigned width, std::uint32_t value) override;
    void advance();
    Nanoseconds deadline() const { return s_.deadline; }

  private:
    std::int64_t guest_second() const;
    std::uint64_t periods() const;
    std::uint8_t encode(unsigned value) const;
    unsigned decode(std::uint8_t value) const;
    std::uint8_t encode_hour(unsigned hour) const;
    unsigned decode_hour(std::uint8_t value) const;
    void latch_time();
    void apply_time();
    bool alarm_matches(std::int64_t date) const;
    bool update_in_progress() const;
    void settle();
    void schedule();
    void drive_irq();
    std::uint8_t read_register();
    void write_register(std::uint8_t value);

    RtcState& s_;
    IrqLines& irq_;
    const DeviceClock& clock_;
};

}  // namespace ringpress
