#include "monitor/devices/io_apic.hpp"

namespace ringpress {
namespace {

constexpr std::uint64_t kVector = 0xFF, kLogical = 1u << 11, kRemoteIrr = 1u << 14, kLevel = 1u << 15,
                        kMasked = 1u << 16;
/// Vector, delivery and destination mode, polarity, trigger, mask; the destination is in the top byte.
constexpr std::uint64_t kWritable = 0xFF0000000001AFFF;
constexpr unsigned kModeFixed = 0, kModeLowest = 1, kModeExtInt = 7;

unsigned mode(std::uint64_t entry) {
    return entry >> 8 & 7u;
}

}  // namespace

void IoApic::power_on() {
    s_ = {};
    for (std::uint64_t& entry : s_.entries) entry = kMasked;
}

/// Sends the message of a pin whose line has become active (edge), or is active (level).
void IoApic::service(unsigned pin) {
    std::uint64_t& entry = s_.entries[pin];
    if (entry & kMasked) return;
    if (mode(entry) != kModeFixed && mode(entry) != kModeLowest) return;
    if (!cpu_.matches(static_cast<std::uint8_t>(entry >> 56), entry & kLogical)) return;
    const bool level = entry & kLevel;
    if (level) {
        if (entry & kRemoteIrr) return;  // the handler is still running
        entry |= kRemoteIrr;
    }
    cpu_.accept(static_cast<std::uint8_t>(entry & kVector), level);
}

void IoApic::set_line(unsigned pin, bool level) {
    if (pin >= kIoApicPins) return;
    const std::uint32_t bit = 1u << pin;
    const bool was = s_.lines & bit;
    s_.lines = level ? s_.lines | bit : s_.lines & ~bit;
    // An edge at a masked input is lost, 82093AA section 3.2.4 ("interrupt mask").
    if (level && (!was || (s_.entries[pin] & kLevel))) service(pin);
}

void IoApic::end_of_interrupt(std::uint8_t vector) {
    for (unsigned pin = 0; pin < kIoApicPins; ++pin) {
        std::uint64_t& entry = s_.entries[pin];
        if ((entry & kVector) != vector || !(entry & kRemoteIrr)) continue;
        entry &= ~kRemoteIrr;
        if (s_.lines & (1u << pin)) service(pin);
    }
}

bool IoApic::passes_pic() const {
    return !(s_.entries[kPicPin] & kMasked) && mode(s_.entries[kPicPin]) == kModeExtInt;
}

int IoApic::timer_vector() const {
    const std::uint64_t entry = s_.entries[kTimerPin];
    return entry & kMasked ? -1 : static_cast<int>(entry & kVector);
}

std::uint32_t IoApic::read_register() const {
    switch (s_.index) {
        case 0:
        case 2:  // arbitration ID
            return s_.id;
        case 1: return (kIoApicPins - 1) << 16 | 0x11;
        default: break;
    }
    const unsigned n = s_.index - 0x10;
    if (s_.index < 0x10 || n >= 2 * kIoApicPins) return 0;
    return static_cast<std::uint32_t>(s_.entries[n / 2] >> (n & 1u ? 32 : 0));
}

void IoApic::write_register(std::uint32_t value) {
    if (s_.index == 0) s_.id = value & 0x0F000000u;
    const unsigned n = s_.index - 0x10;
    if (s_.index < 0x10 || n >= 2 * kIoApicPins) return;
    std::uint64_t& entry = s_.entries[n / 2];
    std::uint64_t wanted = n & 1u ? (entry & 0xFFFFFFFFu) | static_cast<std::uint64_t>(value) << 32
                                  : (entry & ~std::uint64_t{0xFFFFFFFF}) | value;
    wanted &= kWritable;
    if (wanted & kLevel) wanted |= entry & kRemoteIrr;  // read-only, and meaningless for edges
    entry = wanted;
    // A level that was waiting behind the mask is seen now.
    if ((entry & kLevel) && (s_.lines & (1u << n / 2))) service(n / 2);
}

std::uint32_t IoApic::read(unsigned offset, unsigned width) {
    const std::uint32_t mask = width == 4 ? ~0u : (1u << 8 * width) - 1;
    if (offset == 0) return s_.index & mask;
    return offset == 0x10 ? read_register() & mask : 0;
}

void IoApic::write(unsigned offset, unsigned width, std::uint32_t value) {
    if (offset == 0)
        s_.index = value & 0xFFu;
    else if (offset == 0x10 && width == 4)
        write_register(value);
}

}  // namespace ringpress
