// The symbol table that a Linux kernel carries for itself (CONFIG_KALLSYMS), found in its image.
//
// Its layout is scripts/kallsyms.c's: symbols sorted by address, each name a string of bytes that stand for
// tokens, 256 tokens in a table.  Nothing points to it from outside, so it is found by what it must look
// like.
#pragma once

#include <vector>

#include "monitor/boot/image_reader.hpp"
#include "monitor/symbols/symbol_table.hpp"

namespace ringpress {

/// The symbols of a 32-bit kernel, in its own order; none if the image has no such table.
/// Sizes are not known, and the last symbols, those behind the image, are kept.
std::vector<Symbol> kallsyms(Image image);

}  // namespace ringpress
