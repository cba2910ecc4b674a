// Symbols as text: nm's output, System.map, /proc/kallsyms.
#pragma once

#include <vector>

#include "monitor/boot/image_reader.hpp"
#include "monitor/symbols/symbol_table.hpp"

namespace ringpress {

/// True if the file begins as such a text does: an address in hexadecimal, a letter, a name.
bool looks_like_symbol_text(Image bytes);

/// Lines "c1000000 T name", a blank and more behind the name or not.  Symbols of modules ("[module]") are
/// left out: they are elsewhere in every boot. Throws std::runtime_error, one line, naming the first line
/// that is not of this form, if addresses have more than 32 bits, and if all are zero, which is what
/// /proc/kallsyms shows to those who may not know.
std::vector<Symbol> parse_symbol_text(Image bytes);

}  // namespace ringpress
