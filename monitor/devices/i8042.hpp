// The 8042 keyboard controller of an AT and the keyboard behind it.  There is no mouse and no auxiliary port:
// the controller answers the tests for one as an AT controller without. Source: IBM PC AT Technical
// Reference, section 1, "Keyboard Controller"; PS/2 Technical Reference, "Keyboard".
//
// The host sends scan codes of set 1.  They reach the guest so while translation is on (command byte bit 6),
// and as set 2 otherwise.
#pragma once

#include <cstdint>

#include "monitor/devices/device.hpp"

namespace ringpress {

inline constexpr unsigned kKeyboardReplies = 16;

struct I8042State {
    std::uint8_t command_byte = 0;
    std::uint8_t output = 0;            ///< the output buffer, port 0x60
    std::uint8_t output_full = 0;       ///< status bit 0
    std::uint8_t output_is_key = 0;     ///< a scan code or keyboard reply rather than the controller's answer
    std::uint8_t last_was_command = 0;  ///< status bit 3
    std::uint8_t pending_command = 0;   ///< controller command that waits for its data byte at 0x60
    std::uint8_t output_port = 0;       ///< bit 0 processor reset (active low), bit 1 A20
    std::uint8_t keyboard_command = 0;  ///< keyboard command that waits for its argument
    std::uint8_t scanning = 0;
    std::uint8_t scan_set = 2;
    std::uint8_t last_sent = 0;        ///< for Resend
    std::uint8_t release_pending = 0;  ///< set 2: the code after the F0 that was just given
    std::uint8_t reply_count = 0, reply_first = 0;
    std::uint8_t replies[kKeyboardReplies] = {};
    Nanoseconds next_key = 0;  ///< the serial line to the keyboard is busy until then
};

class I8042 final : public PortDevice {
  public:
    I8042(I8042State& state, IrqLines& irq, const DeviceClock& clock, ByteChannel& scan_codes,
          PowerControl& power)
        : s_(state), irq_(irq), clock_(clock), keys_(scan_codes), power_(power) {}

    /// As a BIOS leaves it: tested, translation and keyboard interrupt on.
    void power_on();
    /// Offset 0 is the data port (0x60), 1 the status and command port (0x64).
    std::uint32_t read(unsigned offset, unsigned width) override;
    void write(unsigned offset, unsigned width, std::uint32_t value) override;
    void advance();
    Nanoseconds deadline() const;

    bool a20() const { return s_.output_port & 2u; }
    void set_a20(bool on);

  private:
    bool may_take_key() const;
    void answer(std::uint8_t byte);
    void reply(std::uint8_t byte);
    void fill();
    void update();
    void controller_command(std::uint8_t command);
    void controller_data(std::uint8_t command, std::uint8_t value);
    void keyboard_byte(std::uint8_t value);
    void keyboard_argument(std::uint8_t value);
    void set_output_port(std::uint8_t value);

    I8042State& s_;
    IrqLines& irq_;
    const DeviceClock& clock_;
    ByteChannel& keys_;
    PowerControl& power_;
};

}  // namespace ringpress
