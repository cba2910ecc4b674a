// What an instruction is, from its layout alone.
#pragma once

#include "traps/instruction.hpp"

namespace ringpress {

enum class Verdict : std::uint8_t {
    sensitive,     ///< id says which
    innocuous,     ///< certainly, although Capstone 4 may not know the encoding
    ask_capstone,  ///< innocuous if it is an instruction at all
    undefined,     ///< #UD on the CPU model, whatever the host's processor makes of it
};

/// Sets id, flow and fpu of a parsed instruction.  With ask_capstone, id is left as `innocuous`.
Verdict classify(Instruction& insn);

}  // namespace ringpress
