#include "monitor/devices/uart16550.hpp"

namespace ringpress {
namespace {

enum Offset : unsigned { kData, kIer, kIirFcr, kLcr, kMcr, kLsr, kMsr, kScratch };

constexpr std::uint8_t kLcrDlab = 0x80;
constexpr std::uint8_t kMcrLoop = 0x10;
constexpr std::uint8_t kIerRx = 1, kIerThre = 2, kIerLine = 4;
constexpr std::uint8_t kLsrDataReady = 0x01, kLsrOverrun = 0x02, kLsrThre = 0x20, kLsrTemt = 0x40;
/// IIR values in falling priority, PC16550D table 4.
constexpr std::uint8_t kIirLine = 6, kIirTimeout = 12, kIirData = 4, kIirThre = 2, kIirNone = 1;

constexpr Nanoseconds kRetry = 200'000;
/// A slow or unset baud rate is not imitated: nobody wants to wait for it.
constexpr Nanoseconds kSlowestCharacter = 100'000;

}  // namespace

void Uart16550::power_on() {
    s_ = {};
    update();
}

Nanoseconds Uart16550::character_time() const {
    // Ten bits, each 16 * divisor cycles of 1.8432 MHz.
    const Nanoseconds t = Nanoseconds{s_.divisor} * 10 * 16 * 1'000'000'000 / 1'843'200;
    return t == 0 || t > kSlowestCharacter ? kSlowestCharacter : t;
}

std::uint8_t Uart16550::line_status() const {
    std::uint8_t lsr = 0;
    if (s_.rx_count) lsr |= kLsrDataReady;
    if (s_.overrun) lsr |= kLsrOverrun;
    if (s_.tx_count == 0) lsr |= kLsrThre | kLsrTemt;
    return lsr;
}

/// In loopback the modem outputs are the inputs: DTR-DSR, RTS-CTS, OUT1-RI, OUT2-DCD.
std::uint8_t Uart16550::modem_status() const {
    if (!(s_.mcr & kMcrLoop)) return 0xB0;  // carrier, data set ready, clear to send
    return static_cast<std::uint8_t>((s_.mcr & 1) << 5 | (s_.mcr & 2) << 3 | (s_.mcr & 4) << 4 |
                                     (s_.mcr & 8) << 4);
}

std::uint8_t Uart16550::interrupt_id() const {
    if ((s_.ier & kIerLine) && s_.overrun) return kIirLine;
    if ((s_.ier & kIerRx) && s_.rx_count >= s_.trigger) return kIirData;
    if ((s_.ier & kIerRx) && s_.timeout_interrupt) return kIirTimeout;
    if ((s_.ier & kIerThre) && s_.thre_interrupt) return kIirThre;
    return kIirNone;
}

void Uart16550::update() {
    lines_.set(irq_, interrupt_id() != kIirNone);
}

void Uart16550::receive(std::uint8_t byte) {
    if (s_.rx_count >= capacity()) {
        s_.overrun = 1;
        return;
    }
    s_.rx[(s_.rx_first + s_.rx_count++) % kUartFifo] = byte;
    if (s_.fifo_enabled) s_.timeout_at = clock_.now() + 4 * character_time();
}

std::uint8_t Uart16550::take_received() {
    s_.timeout_interrupt = 0;
    s_.timeout_at = kNever;
    if (s_.rx_count == 0) return 0;
    const std::uint8_t byte = s_.rx[s_.rx_first % kUartFifo];
    s_.rx_first = (s_.rx_first + 1) % kUartFifo;
    if (--s_.rx_count && s_.fifo_enabled) s_.timeout_at = clock_.now() + 4 * character_time();
    return byte;
}

void Uart16550::transmit(std::uint8_t byte) {
    // The interrupt falls before it may rise again, so that an edge-triggered controller sees every byte go.
    s_.thre_interrupt = 0;
    update();
    if (s_.mcr & kMcrLoop) {
        receive(byte);
        s_.thre_interrupt = s_.tx_count == 0;
        return;
    }
    if (s_.tx_count < capacity()) s_.tx[(s_.tx_first + s_.tx_count++) % kUartFifo] = byte;
    drain();
}

/// Sends what is held back, as far as the host has room.
void Uart16550::drain() {
    if (s_.tx_count == 0) return;
    while (s_.tx_count && channel_.can_send()) {
        channel_.send(s_.tx[s_.tx_first % kUartFifo]);
        s_.tx_first = (s_.tx_first + 1) % kUartFifo;
        --s_.tx_count;
    }
    s_.retry_at = s_.tx_count ? clock_.now() + kRetry : kNever;
    if (s_.tx_count == 0) s_.thre_interrupt = 1;
}

void Uart16550::advance() {
    const Nanoseconds now = clock_.now();
    bool changed = false;
    if (s_.tx_count) {
        drain();
        changed = true;
    }
    // In loopback the receiver is disconnected from the line.
    if (now >= s_.next_receive && s_.rx_count < capacity() && !(s_.mcr & kMcrLoop) &&
        channel_.can_receive()) {
        unsigned got = 0;
        for (; s_.rx_count < capacity() && channel_.can_receive(); ++got) receive(channel_.receive());
        s_.next_receive = now + got * character_time();
        changed = true;
    }
    if (now >= s_.timeout_at) {
        s_.timeout_at = kNever;
        s_.timeout_interrupt = s_.rx_count != 0;
        changed = true;
    }
    if (changed) update();
}

Nanoseconds Uart16550::deadline() const {
    Nanoseconds d = s_.retry_at < s_.timeout_at ? s_.retry_at : s_.timeout_at;
    if (s_.rx_count < capacity() && !(s_.mcr & kMcrLoop) && s_.next_receive < d && channel_.can_receive())
        d = s_.next_receive;
    return d;
}

void Uart16550::set_fifo_control(std::uint8_t value) {
    static constexpr std::uint8_t kTriggers[4] = {1, 4, 8, 14};
    const bool toggled = (value & 1u) != s_.fifo_enabled;
    if (toggled || (value & 2u)) {
        s_.rx_count = 0;
        s_.timeout_interrupt = 0;
        s_.timeout_at = kNever;
    }
    if ((toggled || (value & 4u)) && s_.tx_count) {
        s_.tx_count = 0;
        s_.retry_at = kNever;
        s_.thre_interrupt = 1;
    }
    s_.fifo_enabled = value & 1u;
    s_.trigger = s_.fifo_enabled ? kTriggers[value >> 6] : 1;
}

std::uint32_t Uart16550::read(unsigned offset, unsigned) {
    std::uint8_t value = 0;
    switch (offset) {
        case kData:
            if (s_.lcr & kLcrDlab) return s_.divisor & 0xFFu;
            value = take_received();
            break;
        case kIer: return s_.lcr & kLcrDlab ? s_.divisor >> 8 : s_.ier;
        case kIirFcr:
            value = interrupt_id();
            if (value == kIirThre) s_.thre_interrupt = 0;  // reading IIR is the acknowledgement
            if (s_.fifo_enabled) value |= 0xC0;
            break;
        case kLcr: return s_.lcr;
        case kMcr: return s_.mcr;
        case kLsr:
            value = line_status();
            s_.overrun = 0;
            break;
        case kMsr: return modem_status();
        default: return s_.scratch;
    }
    update();
    return value;
}

void Uart16550::write(unsigned offset, unsigned, std::uint32_t wide) {
    const std::uint8_t value = static_cast<std::uint8_t>(wide);
    switch (offset) {
        case kData:
            if (s_.lcr & kLcrDlab)
                s_.divisor = static_cast<std::uint16_t>((s_.divisor & 0xFF00u) | value);
            else
                transmit(value);
            break;
        case kIer:
            if (s_.lcr & kLcrDlab) {
                s_.divisor = static_cast<std::uint16_t>((s_.divisor & 0xFFu) | value << 8);
            } else {
                // Enabling the transmitter's interrupt while the register is empty raises it at once.
                if ((value & kIerThre) && !(s_.ier & kIerThre) && s_.tx_count == 0) s_.thre_interrupt = 1;
                s_.ier = value & 0x0F;
            }
            break;
        case kIirFcr: set_fifo_control(value); break;
        case kLcr: s_.lcr = value; break;
        case kMcr: s_.mcr = value & 0x1F; break;
        case kScratch: s_.scratch = value; break;
        default: break;  // the status registers are read-only
    }
    update();
}

}  // namespace ringpress
