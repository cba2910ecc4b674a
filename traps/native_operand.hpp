// The memory operands of what the interpreter leaves to the processor: x87, MMX and SSE instructions, and a
// few integer instructions of later processors.  A debugger that watches memory has to know which bytes one
// of them touches, and so has whoever lends it memory to work on (bounce_operand.cpp).
#pragma once

#include "traps/instruction.hpp"

namespace ringpress {

struct NativeOperand {
    unsigned bytes = 0;  ///< 0: no memory operand
    bool write = false;
    bool partial = false;  ///< written, but perhaps not every byte of it
};
/// The longest: fxsave's.
inline constexpr unsigned kMostOperandBytes = 512;

/// Of an instruction that interpret() does not handle.  SDM Vol. 2.
NativeOperand native_operand(const Instruction& insn);
/// Its segment and its offset in there, in case it has one.
Seg native_operand_segment(const Instruction& insn);
std::uint32_t native_operand_offset(const VCpu& cpu, const Instruction& insn);

}  // namespace ringpress
