// The memory operands of x87, MMX and SSE instructions: which bytes one of them reads or writes.  The
// processor executes these itself; a debugger that watches memory has to know all the same.
#pragma once

#include "traps/instruction.hpp"

namespace ringpress {

struct FpuOperand {
    unsigned bytes = 0;  ///< 0: no memory operand
    bool write = false;
};

/// Of an instruction that uses the FPU.  SDM Vol. 2; sizes of rare SSE forms may be taken for 16 bytes.
FpuOperand fpu_operand(const Instruction& insn);

}  // namespace ringpress
