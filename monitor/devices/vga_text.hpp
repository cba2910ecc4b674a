// The registers of a VGA in 80x25 text mode.  The characters themselves are in guest RAM at 0xB8000; here are
// the registers that say where the screen starts and where the cursor is, and those that programs only save
// and restore. Source: IBM VGA documentation as in the "Intel OpenSource HD Graphics PRM", volume 3, part 1.
#pragma once

#include <cstdint>

#include "monitor/devices/device.hpp"

namespace ringpress {

struct VgaTextState {
    std::uint8_t misc = 0;  ///< bit 0: CRTC at 0x3D4 (colour) rather than 0x3B4
    std::uint8_t feature = 0;
    std::uint8_t crtc_index = 0, sequencer_index = 0, graphics_index = 0, attribute_index = 0;
    std::uint8_t attribute_is_data = 0;  ///< the next write to 0x3C0 is the value
    std::uint8_t crtc[32] = {};
    std::uint8_t sequencer[8] = {};
    std::uint8_t graphics[16] = {};
    std::uint8_t attribute[32] = {};
    std::uint8_t pel_mask = 0;
    std::uint8_t dac_state = 0;                 ///< 3: read mode, 0: write mode
    std::uint16_t dac_read = 0, dac_write = 0;  ///< next component, 0..767
    std::uint8_t dac[768] = {};
};

/// CRTC registers that a display needs, VGA index.
namespace crtc {
inline constexpr unsigned kCursorStart = 0x0A, kCursorEnd = 0x0B, kStartHigh = 0x0C, kStartLow = 0x0D,
                          kCursorHigh = 0x0E, kCursorLow = 0x0F;
}

class VgaText final : public PortDevice {
  public:
    VgaText(VgaTextState& state, const DeviceClock& clock) : s_(state), clock_(clock) {}

    /// BIOS mode 3: 80x25, 16 colours.
    void power_on();
    /// Offset 0 is port 0x3B0; the device covers 0x3B0..0x3DF.
    std::uint32_t read(unsigned offset, unsigned width) override;
    void write(unsigned offset, unsigned width, std::uint32_t value) override;

  private:
    std::uint8_t input_status() const;
    bool is_crtc_bank(unsigned offset) const;

    VgaTextState& s_;
    const DeviceClock& clock_;
};

}  // namespace ringpress
