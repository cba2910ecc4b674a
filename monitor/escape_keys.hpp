// Ctrl-A, the way out of a terminal whose every key belongs to the guest; the same keys as QEMU's.
#pragma once

#include <cstdint>

namespace ringpress {

class EscapeKeys {
  public:
    enum class Action : std::uint8_t { none, send, quit, help, monitor };
    static constexpr std::uint8_t kCtrlA = 1;
    static constexpr const char* kHelp =
        "\r\nCtrl-A h       this help\r\n"
        "Ctrl-A x       end the guest and leave\r\n"
        "Ctrl-A c       switch between the guest's console and the monitor\r\n"
        "Ctrl-A Ctrl-A  send Ctrl-A to the guest (Ctrl-A a, too)\r\n";

    struct Result {
        Action action;
        std::uint8_t byte;  ///< for `send`
    };
    /// What to do about one byte from the terminal.
    Result feed(std::uint8_t byte) {
        if (!escaped_) {
            escaped_ = byte == kCtrlA;
            return {escaped_ ? Action::none : Action::send, byte};
        }
        escaped_ = false;
        switch (byte) {
            case 'a':
            case kCtrlA: return {Action::send, kCtrlA};
            case 'x': return {Action::quit, 0};
            case 'c': return {Action::monitor, 0};
            case 'h':
            case '?': return {Action::help, 0};
            default: return {Action::none, 0};  // reserved
        }
    }

  private:
    bool escaped_ = false;
};

}  // namespace ringpress
