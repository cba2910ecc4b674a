// The registers and the data port of an IDE channel; commands are in ide_commands.cpp.
#include "monitor/devices/ide.hpp"

#include <algorithm>
#include <cstring>

#include "monitor/devices/ide_bits.hpp"

namespace ringpress {

using namespace ide;

void IdeChannel::power_on() {
    s_ = {};
    for (unsigned i = 0; i < 2; ++i) {
        IdeDriveState& d = s_.drives[i];
        d.heads = 16;
        d.sectors_per_track = 63;
        d.cylinders = static_cast<std::uint16_t>(std::clamp<std::uint64_t>(sectors(i) / (16 * 63), 1, 16383));
    }
    reset_drives();
    update();
}

/// ATA 9.12: the signature of a device that is not a packet device.
void IdeChannel::set_signature(IdeDriveState& d) {
    d.error = 1;  // diagnostics passed
    d.count = d.lba_low = 1;
    d.lba_mid = d.lba_high = d.select = 0;
    d.previous_count = d.previous_low = d.previous_mid = d.previous_high = 0;
}

void IdeChannel::reset_drives() {
    for (IdeDriveState& d : s_.drives) {
        set_signature(d);
        d.status = kReady | kSeekComplete;
        d.multiple = kIdeMaxMultiple;  // as QEMU's: drivers that never set it still move blocks
    }
    s_.selected = 0;
    s_.transfer = IdeTransfer::none;
    s_.position = s_.length = 0;
    s_.interrupt = 0;
}

void IdeChannel::update() {
    lines_.set(irq_, s_.interrupt && !(s_.control & kNoInterrupt));
}

void IdeChannel::raise() {
    s_.interrupt = 1;
    update();
}

void IdeChannel::write_control(std::uint8_t value) {
    const bool was_reset = s_.control & kSoftReset, is_reset = value & kSoftReset;
    s_.control = value;
    if (is_reset && !was_reset) {
        reset_drives();
        for (IdeDriveState& d : s_.drives) d.status = kBusy | kSeekComplete;
    } else if (was_reset && !is_reset) {
        for (IdeDriveState& d : s_.drives) d.status = kReady | kSeekComplete;
    }
    update();
}

std::uint32_t IdeChannel::read_data(unsigned width) {
    const bool reading = s_.transfer == IdeTransfer::read || s_.transfer == IdeTransfer::identify;
    // The arena may have been tampered with: never trust the indices further than the buffer reaches.
    if (!reading || s_.position + width > s_.length || s_.length > sizeof s_.buffer) return 0;
    std::uint32_t value = 0;
    std::memcpy(&value, s_.buffer + s_.position, width);
    s_.position += width;
    if (s_.position >= s_.length) block_done();
    return value;
}

void IdeChannel::write_data(unsigned width, std::uint32_t value) {
    if (s_.transfer != IdeTransfer::write || s_.position + width > s_.length || s_.length > sizeof s_.buffer)
        return;
    std::memcpy(s_.buffer + s_.position, &value, width);
    s_.position += width;
    if (s_.position >= s_.length) block_done();
}

std::uint8_t IdeChannel::read_register(unsigned offset) {
    // An empty channel pulls its bus low; a master does so for the status and error of an absent slave.
    const IdeDriveState& d = drive();
    if (empty()) return 0;
    const bool previous = s_.control & kHighOrderByte;
    switch (offset) {
        case kErrorFeatures: return silent() ? 0 : previous ? d.previous_features : d.error;
        case kCount: return previous ? d.previous_count : d.count;
        case kLbaLow: return previous ? d.previous_low : d.lba_low;
        case kLbaMid: return previous ? d.previous_mid : d.lba_mid;
        case kLbaHigh: return previous ? d.previous_high : d.lba_high;
        case kSelect: return static_cast<std::uint8_t>((d.select & 0x5F) | (s_.selected << 4) | 0xA0);
        default:  // status and alternate status
            if (silent()) return 0;
            return d.status;
    }
}

void IdeChannel::write_register(unsigned offset, std::uint8_t value) {
    if (offset == kStatusCommand) {
        if (!silent()) command(value);
        return;
    }
    // ATA 7.8: any write of the command block clears HOB.
    s_.control &= static_cast<std::uint8_t>(~kHighOrderByte);
    if (offset == kSelect) s_.selected = (value >> 4) & 1u;
    for (IdeDriveState& d : s_.drives) {
        switch (offset) {
            case kErrorFeatures:
                d.previous_features = d.features;
                d.features = value;
                break;
            case kCount:
                d.previous_count = d.count;
                d.count = value;
                break;
            case kLbaLow:
                d.previous_low = d.lba_low;
                d.lba_low = value;
                break;
            case kLbaMid:
                d.previous_mid = d.lba_mid;
                d.lba_mid = value;
                break;
            case kLbaHigh:
                d.previous_high = d.lba_high;
                d.lba_high = value;
                break;
            default: d.select = value; break;
        }
    }
}

std::uint32_t IdeChannel::read(unsigned offset, unsigned width) {
    if (offset == kData) return read_data(width);
    const std::uint8_t value = read_register(offset);
    // ATA 7.15: reading the status acknowledges, reading the alternate does not.
    if (offset == kStatusCommand) {
        s_.interrupt = 0;
        update();
    }
    return value;
}

void IdeChannel::write(unsigned offset, unsigned width, std::uint32_t value) {
    if (offset == kData)
        write_data(width, value);
    else if (offset == kControl)
        write_control(static_cast<std::uint8_t>(value));
    else
        write_register(offset, static_cast<std::uint8_t>(value));
}

}  // namespace ringpress
