// -display text: the guest's VGA text screen in the user's terminal, by ncurses.
//
// Runs in the supervisor only.  It reads the screen from guest RAM and changes nothing there; the guest may
// write anything at any time, and any byte is some glyph in some colour.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "monitor/devices/vga_text.hpp"
#include "monitor/key_strokes.hpp"

namespace ringpress {

class Terminal;

/// What the CRT controller says about the screen.
struct ScreenRegisters {
    std::uint16_t start = 0;   ///< first cell shown, from the start of video memory
    std::uint16_t cursor = 0;  ///< the cell with the cursor
    bool cursor_on = false;
};
ScreenRegisters screen_registers(const VgaTextState& vga);

/// What was typed since the last call.
struct TypedKeys {
    std::vector<Stroke> strokes;
    bool quit = false;     ///< Ctrl-A x
    bool monitor = false;  ///< Ctrl-A c: what was typed behind it has not been read
};

class TextDisplay {
  public:
    static constexpr unsigned kColumns = 80, kRows = 25;
    static constexpr std::uint32_t kVideoMemory = 0xB8000;      ///< guest-physical
    static constexpr std::uint32_t kVideoMemoryBytes = 0x8000;  ///< addresses wrap around in it
    static constexpr int kRefreshMilliseconds = 33;

    /// Starts ncurses on the terminal that standard input and output are.
    /// Throws std::runtime_error with one line if it cannot.
    explicit TextDisplay(Terminal& terminal);
    ~TextDisplay();
    TextDisplay(const TextDisplay&) = delete;
    TextDisplay& operator=(const TextDisplay&) = delete;

    /// Shows what changed.  video: kVideoMemoryBytes of guest RAM at kVideoMemory.
    void refresh(std::span<const std::uint8_t> video, ScreenRegisters registers);
    /// Draws everything anew: the process was stopped, and the terminal used by others meanwhile.
    void redraw();
    /// Does not wait.
    TypedKeys read_keys();
    /// Gives the terminal's ordinary screen to others until resume(): nothing else may be called meanwhile.
    void suspend();
    void resume();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ringpress
