// The characters of code page 437 as 8x16 dots, from a font that is installed.
//
// A VGA has its font in a ROM; this project carries none.  Terminus has every character in that very size;
// any outline font with a fixed width serves as well, but its line-drawing characters need not touch.
#pragma once

#include <array>
#include <cstdint>

namespace ringpress {

inline constexpr unsigned kGlyphWidth = 8, kGlyphHeight = 16;

/// Bit 7 of each row is its leftmost dot.
using Glyph = std::array<std::uint8_t, kGlyphHeight>;

/// All 256.  Throws std::runtime_error with one line that names the package to install if there is no font.
const std::array<Glyph, 256>& text_glyphs();

}  // namespace ringpress
