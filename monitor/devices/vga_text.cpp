#include "monitor/devices/vga_text.hpp"

#include <cstring>

namespace ringpress {
namespace {

// Register values of BIOS mode 3, VGA parameter table.
constexpr std::uint8_t kCrtc[25] = {0x5F, 0x4F, 0x50, 0x82, 0x55, 0x81, 0xBF, 0x1F, 0x00,
                                    0x4F, 0x0D, 0x0E, 0x00, 0x00, 0x00, 0x00, 0x9C, 0x8E,
                                    0x8F, 0x28, 0x1F, 0x96, 0xB9, 0xA3, 0xFF};
constexpr std::uint8_t kSequencer[5] = {0x03, 0x00, 0x03, 0x00, 0x02};
constexpr std::uint8_t kGraphics[9] = {0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0E, 0x00, 0xFF};
constexpr std::uint8_t kAttribute[21] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3A,
                                         0x3B, 0x3C, 0x3D, 0x3E, 0x3F, 0x0C, 0x00, 0x0F, 0x08, 0x00};

// 720x400 at 70 Hz: 449 lines of 31.8 us.  All blanked lines count as vertical retrace (the real pulse has
// two): a guest that polls through a trap would miss it otherwise.
constexpr Nanoseconds kLine = 31'778;
constexpr Nanoseconds kFrame = 449 * kLine, kVisible = 400 * kLine, kVisibleOfLine = 25'422;

// Port numbers, less 0x3B0.
enum Offset : unsigned {
    kAttributePort = 0x10,
    kAttributeRead = 0x11,
    kMiscWrite = 0x12,
    kSequencerIndex = 0x14,
    kSequencerData = 0x15,
    kPelMask = 0x16,
    kDacRead = 0x17,
    kDacWrite = 0x18,
    kDacData = 0x19,
    kFeatureRead = 0x1A,
    kMiscRead = 0x1C,
    kGraphicsIndex = 0x1E,
    kGraphicsData = 0x1F,
};
// Within the mono (0x3Bx) or colour (0x3Dx) bank.
enum BankOffset : unsigned { kCrtcIndex = 4, kCrtcData = 5, kStatus = 10 };

}  // namespace

void VgaText::power_on() {
    s_ = {};
    s_.misc = 0x67;
    s_.pel_mask = 0xFF;
    std::memcpy(s_.crtc, kCrtc, sizeof kCrtc);
    std::memcpy(s_.sequencer, kSequencer, sizeof kSequencer);
    std::memcpy(s_.graphics, kGraphics, sizeof kGraphics);
    std::memcpy(s_.attribute, kAttribute, sizeof kAttribute);
    s_.attribute_index = 0x20;  // the palette belongs to the display
    // The 64 EGA colours: bits 0-2 give two thirds of blue, green and red, bits 3-5 one third.
    for (unsigned i = 0; i < 64; ++i)
        for (unsigned component = 0; component < 3; ++component) {
            const unsigned bit = 2 - component;
            s_.dac[3 * i + component] =
                static_cast<std::uint8_t>((i >> bit & 1u) * 42 + (i >> (bit + 3) & 1u) * 21);
        }
}

/// Bit 0: no pixels are being shown; bit 3: vertical retrace.
std::uint8_t VgaText::input_status() const {
    const Nanoseconds in_frame = clock_.now() % kFrame;
    if (in_frame >= kVisible) return 0x09;
    return in_frame % kLine >= kVisibleOfLine ? 0x01 : 0x00;
}

/// The CRTC and its neighbours answer at 0x3Dx or at 0x3Bx, never at both.
bool VgaText::is_crtc_bank(unsigned offset) const {
    return s_.misc & 1u ? offset >= 0x20 : offset < 0x10;
}

std::uint32_t VgaText::read(unsigned offset, unsigned) {
    switch (offset) {
        case kAttributePort:
            return s_.attribute_is_data ? s_.attribute[s_.attribute_index & 0x1F] : s_.attribute_index;
        case kAttributeRead: return s_.attribute[s_.attribute_index & 0x1F];
        case kMiscWrite: return 0x00;  // input status 0
        case kSequencerIndex: return s_.sequencer_index;
        case kSequencerData: return s_.sequencer[s_.sequencer_index & 7];
        case kPelMask: return s_.pel_mask;
        case kDacRead: return s_.dac_state;
        case kDacWrite: return s_.dac_write / 3u;
        case kDacData: {
            const std::uint8_t value = s_.dac[s_.dac_read % 768];
            s_.dac_read = static_cast<std::uint16_t>((s_.dac_read + 1) % 768);
            return value;
        }
        case kFeatureRead: return s_.feature;
        case kMiscRead: return s_.misc;
        case kGraphicsIndex: return s_.graphics_index;
        case kGraphicsData: return s_.graphics[s_.graphics_index & 15];
        default: break;
    }
    if (!is_crtc_bank(offset)) return 0xFF;
    switch (offset & 15) {
        case kCrtcIndex: return s_.crtc_index;
        case kCrtcData: return s_.crtc[s_.crtc_index & 31];
        case kStatus: s_.attribute_is_data = 0; return input_status();
        default: return 0xFF;
    }
}

void VgaText::write(unsigned offset, unsigned, std::uint32_t wide) {
    const std::uint8_t value = static_cast<std::uint8_t>(wide);
    switch (offset) {
        case kAttributePort:
            if (s_.attribute_is_data)
                s_.attribute[s_.attribute_index & 0x1F] = value;
            else
                s_.attribute_index = value & 0x3F;
            s_.attribute_is_data = !s_.attribute_is_data;
            return;
        case kMiscWrite: s_.misc = value; return;
        case kSequencerIndex: s_.sequencer_index = value & 7; return;
        case kSequencerData: s_.sequencer[s_.sequencer_index & 7] = value; return;
        case kPelMask: s_.pel_mask = value; return;
        case kDacRead:
            s_.dac_read = static_cast<std::uint16_t>(value * 3);
            s_.dac_state = 3;
            return;
        case kDacWrite:
            s_.dac_write = static_cast<std::uint16_t>(value * 3);
            s_.dac_state = 0;
            return;
        case kDacData:
            s_.dac[s_.dac_write % 768] = value & 0x3F;
            s_.dac_write = static_cast<std::uint16_t>((s_.dac_write + 1) % 768);
            return;
        case kGraphicsIndex: s_.graphics_index = value & 15; return;
        case kGraphicsData: s_.graphics[s_.graphics_index & 15] = value; return;
        default: break;
    }
    if (!is_crtc_bank(offset)) return;
    switch (offset & 15) {
        case kCrtcIndex: s_.crtc_index = value & 31; return;
        case kCrtcData: {
            const unsigned index = s_.crtc_index & 31;
            // Bit 7 of register 0x11 protects the timing registers 0..7, but for the line compare bit in 7.
            if (s_.crtc[0x11] & 0x80 && index <= 7) {
                if (index == 7) s_.crtc[7] = static_cast<std::uint8_t>((s_.crtc[7] & ~0x10) | (value & 0x10));
                return;
            }
            s_.crtc[index] = value;
            return;
        }
        case kStatus: s_.feature = value; return;
        default: return;
    }
}

}  // namespace ringpress
