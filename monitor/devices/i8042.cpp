#include "monitor/devices/i8042.hpp"

#include "monitor/devices/scan_codes.hpp"

namespace ringpress {
namespace {

constexpr unsigned kIrq = 1;
constexpr std::uint8_t kKeyInterrupt = 0x01, kSystemFlag = 0x04, kKeyboardOff = 0x10, kAuxOff = 0x20,
                       kTranslate = 0x40;  // command byte
constexpr std::uint8_t kAck = 0xFA, kResend = 0xFE, kSelfTestPassed = 0xAA;
/// A byte needs about a millisecond on the keyboard's wire; this is quick, and still lets the interrupt line
/// fall.
constexpr Nanoseconds kKeyTime = 250'000;

}  // namespace

void I8042::power_on() {
    s_ = {};
    s_.command_byte = kKeyInterrupt | kSystemFlag | kAuxOff | kTranslate;
    s_.output_port = 0x03;
    s_.scanning = 1;
    update();
}

void I8042::update() {
    irq_.set(kIrq, s_.output_full && s_.output_is_key && (s_.command_byte & kKeyInterrupt));
}

/// Puts an answer of the controller itself into the output buffer; it raises no interrupt.
void I8042::answer(std::uint8_t byte) {
    s_.output = byte;
    s_.output_full = 1;
    s_.output_is_key = 0;
    update();
}

void I8042::reply(std::uint8_t byte) {
    if (s_.reply_count < kKeyboardReplies)
        s_.replies[(s_.reply_first + s_.reply_count++) % kKeyboardReplies] = byte;
    fill();
}

bool I8042::may_take_key() const {
    return !s_.output_full && s_.scanning && !(s_.command_byte & kKeyboardOff) && s_.reply_count == 0;
}

/// Moves the keyboard's next byte into the output buffer if it is free: replies first, then keys.
void I8042::fill() {
    if (s_.output_full || (s_.command_byte & kKeyboardOff)) return;
    if (s_.reply_count) {
        s_.output = s_.replies[s_.reply_first % kKeyboardReplies];
        s_.reply_first = (s_.reply_first + 1) % kKeyboardReplies;
        --s_.reply_count;
    } else {
        if (!may_take_key() || clock_.now() < s_.next_key) return;
        if (s_.release_pending) {
            s_.output = s_.release_pending;
            s_.release_pending = 0;
        } else if (keys_.can_receive()) {
            s_.output = keys_.receive();
            const unsigned key = s_.output & 0x7Fu;
            if (!(s_.command_byte & kTranslate) && s_.scan_set == 2 && s_.output < 0xE0 &&
                key < sizeof kSet2FromSet1) {
                const std::uint8_t code = kSet2FromSet1[key];
                s_.release_pending = s_.output & 0x80 ? code : 0;
                s_.output = s_.release_pending ? 0xF0 : code;
            }
        } else {
            return;
        }
        s_.next_key = clock_.now() + kKeyTime;
    }
    s_.output_full = 1;
    s_.output_is_key = 1;
    s_.last_sent = s_.output;
    update();
}

void I8042::advance() {
    if (may_take_key()) fill();
}

Nanoseconds I8042::deadline() const {
    return may_take_key() && (s_.release_pending || keys_.can_receive()) ? s_.next_key : kNever;
}

void I8042::set_a20(bool on) {
    set_output_port(static_cast<std::uint8_t>((s_.output_port & ~2u) | (on ? 2 : 0)));
}

void I8042::set_output_port(std::uint8_t value) {
    s_.output_port = value & 0x03;
    if (!(value & 1u)) power_.reset();
}

void I8042::controller_command(std::uint8_t command) {
    s_.pending_command = 0;
    switch (command) {
        case 0x20: answer(s_.command_byte); break;
        case 0x60:  // write command byte
        case 0xD1:  // write output port
        case 0xD2:  // write keyboard output buffer
        case 0xD3:  // write auxiliary output buffer
        case 0xD4:  // write auxiliary device
            s_.pending_command = command;
            break;
        case 0xA7: s_.command_byte |= kAuxOff; break;
        case 0xA8:  // there is no auxiliary port that could be enabled
            break;
        case 0xA9:
            answer(0x01);  // its clock line is stuck low
            break;
        case 0xAA:
            s_.command_byte |= kSystemFlag;
            s_.output_full = 0;
            answer(0x55);
            break;
        case 0xAB:
            answer(0x00);  // the keyboard's lines are good
            break;
        case 0xAD: s_.command_byte |= kKeyboardOff; break;
        case 0xAE:
            s_.command_byte &= static_cast<std::uint8_t>(~kKeyboardOff);
            fill();
            break;
        case 0xC0:
            answer(0x80);  // input port: the keyboard is not locked
            break;
        case 0xD0: answer(static_cast<std::uint8_t>(s_.output_port | (s_.output_full ? 0x10 : 0))); break;
        case 0xDD: set_a20(false); break;
        case 0xDF: set_a20(true); break;
        case 0xE0:
            answer(0x00);  // test inputs
            break;
        default:
            // F0-FF pulse the output port's bits that are zero; bit 0 is the processor's reset.
            if (command >= 0xF0 && !(command & 1u)) power_.reset();
            break;
    }
}

void I8042::controller_data(std::uint8_t command, std::uint8_t value) {
    switch (command) {
        case 0x60:
            s_.command_byte = value | kAuxOff;
            update();
            fill();
            break;
        case 0xD1: set_output_port(value); break;
        case 0xD2:
            s_.output = value;
            s_.output_full = 1;
            s_.output_is_key = 1;
            update();
            break;
        case 0xD3:
            // The loopback test for an auxiliary port: the byte comes back, but not marked as one of a mouse.
            answer(value);
            break;
        default: break;  // D4: nobody there
    }
}

void I8042::keyboard_argument(std::uint8_t value) {
    const std::uint8_t command = s_.keyboard_command;
    s_.keyboard_command = 0;
    if (command == 0xF0) {
        if (value == 0) {
            reply(kAck);
            reply(s_.scan_set);
            return;
        }
        if (value > 2) {
            reply(kResend);
            return;
        }
        s_.scan_set = value;
    }
    reply(kAck);  // ED: LEDs and F3: typematic rate change nothing that can be seen
}

void I8042::keyboard_byte(std::uint8_t value) {
    if (s_.keyboard_command) {
        keyboard_argument(value);
        return;
    }
    switch (value) {
        case 0xED:  // LEDs
        case 0xF0:  // scan code set
        case 0xF3:  // typematic rate and delay
            s_.keyboard_command = value;
            reply(kAck);
            break;
        case 0xEE:
            reply(0xEE);  // echo
            break;
        case 0xF2:  // identify; the second byte goes through the translation too
            reply(kAck);
            reply(0xAB);
            reply(s_.command_byte & kTranslate ? 0x41 : 0x83);
            break;
        case 0xF4:
            s_.scanning = 1;
            reply(kAck);
            break;
        case 0xF5:
        case 0xF6:
            s_.scanning = value == 0xF6;
            s_.scan_set = 2;
            s_.release_pending = 0;
            reply(kAck);
            break;
        case 0xFE: reply(s_.last_sent); break;
        case 0xFF:
            s_.scanning = 1;
            s_.scan_set = 2;
            s_.release_pending = 0;
            s_.reply_count = 0;
            reply(kAck);
            reply(kSelfTestPassed);
            break;
        default:
            reply(value >= 0xF7 ? kAck : kResend);  // F7-FD: key types of set 3
            break;
    }
}

std::uint32_t I8042::read(unsigned offset, unsigned) {
    if (offset == 1) {
        fill();
        return static_cast<std::uint32_t>(s_.output_full) | (s_.command_byte & kSystemFlag) |
               static_cast<std::uint32_t>(s_.last_was_command) << 3 | 0x10u;  // not locked
    }
    const std::uint8_t byte = s_.output;
    s_.output_full = 0;
    update();  // the line falls before the next byte may raise it
    fill();
    return byte;
}

void I8042::write(unsigned offset, unsigned, std::uint32_t wide) {
    const std::uint8_t value = static_cast<std::uint8_t>(wide);
    s_.last_was_command = offset == 1;
    if (offset == 1) {
        controller_command(value);
    } else if (s_.pending_command) {
        const std::uint8_t command = s_.pending_command;
        s_.pending_command = 0;
        controller_data(command, value);
    } else {
        s_.command_byte &= static_cast<std::uint8_t>(~kKeyboardOff);  // talking to the keyboard enables it
        keyboard_byte(value);
    }
}

}  // namespace ringpress
