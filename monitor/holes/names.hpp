// Instructions as people name them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "monitor/run_config.hpp"
#include "traps/instruction_forms.hpp"

namespace ringpress {

/// The instructions that a word means: an identity ("mov_from_seg"), a mnemonic ("pushf", "mov cr"), the
/// manual's name ("PUSHF", "INT n"), or the first word of several ("mov").  Blanks, dashes and underscores
/// are the same.  Throws std::runtime_error with one line, naming what is near, if it means none.
std::vector<InsnId> instructions_named(std::string_view text);

/// "popf,sgdt" or "popf@0x100abc": instructions, and the linear address of one place.  Throws as above.
OpenHoles parse_open_holes(const std::string& text);

/// "control, mode": the bits of sensitivity:: in words.
std::string sensitivity_text(unsigned kinds);
std::vector<std::string> sensitivity_words(unsigned kinds);
std::string_view family_name(InsnFamily family);

}  // namespace ringpress
