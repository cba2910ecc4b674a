// The guest's text screen as a picture: `screendump FILE`.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "monitor/devices/vga_text.hpp"

namespace ringpress {

/// A picture of 8-bit red, green, blue, row by row from the top.
struct Picture {
    unsigned width = 0, height = 0;
    std::vector<std::uint8_t> rgb;
};

/// Draws the 80x25 text screen with 8x16 characters and the cursor.  video: guest RAM at
/// TextDisplay::kVideoMemory.  Throws std::runtime_error with one line if no font is installed.
Picture draw_text_screen(const VgaTextState& vga, std::span<const std::uint8_t> video);

/// Throws std::runtime_error with one line if the file cannot be written; no half-written file is left.
void write_png(const Picture& picture, const std::string& path);

}  // namespace ringpress
