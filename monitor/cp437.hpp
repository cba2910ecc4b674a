// Code page 437, the character set in the ROM of a VGA.
#pragma once

#include <array>

namespace ringpress {

/// The Unicode character of every glyph; 0 and 255 look like blanks and are blanks here.
extern const std::array<char16_t, 256> kCp437;

}  // namespace ringpress
