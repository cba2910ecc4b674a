// How many bytes an IA-32 instruction has, and which byte is what: prefixes, opcode, ModRM, SIB,
// displacement, immediate.  Knows the layout only, not whether the processor has the instruction. Source: SDM
// Vol. 2, chapter 2 and the opcode maps of appendix A.
#pragma once

#include <cstddef>
#include <cstdint>

#include "traps/instruction.hpp"

namespace ringpress {

enum class Layout : std::uint8_t {
    complete,
    truncated,  ///< more bytes are needed
    invalid,    ///< an encoding space that the CPU model does not have (VEX, EVEX, XOP)
    too_long,   ///< longer than 15 bytes: #GP(0), SDM Vol. 2A, section 2.3.11
};

/// Fills everything of `insn` but id, flow and fpu.
Layout parse_layout(const std::uint8_t* bytes, std::size_t available, unsigned code_size, Instruction& insn);

}  // namespace ringpress
