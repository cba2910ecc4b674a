// What output for people may use: colours, and how many columns.
#pragma once

#include <cstdio>

namespace ringpress {

/// True if `stream` is a terminal that may be sent colours: not if NO_COLOR is set (no-color.org) or TERM is
/// "dumb".
bool wants_colour(std::FILE* stream);

/// Columns of the terminal behind `stream`; COLUMNS if that is set; else 100.
unsigned output_width(std::FILE* stream);

}  // namespace ringpress
