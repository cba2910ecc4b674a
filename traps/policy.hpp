// What trap handling was asked to do about the instructions that x86 does not trap.
#pragma once

#include <cstdint>

namespace ringpress {

enum class SensitiveLevel : std::uint8_t {
    ignore,   ///< leave the holes open: silent instructions run natively and do the wrong thing
    trap,     ///< every sensitive instruction is an int3 in the code view
    inline_,  ///< as `trap`, and hot sites become jumps to code that does the work without a trap
};

struct Policy {
    SensitiveLevel level = SensitiveLevel::inline_;
    bool user_code_direct = false;  ///< guest user code runs from RAM, not from views
    bool virtual_tsc = false;       ///< rdtsc must not show the host's counter
    unsigned burst = 24;            ///< innocuous instructions interpreted behind a trap, 0: none
    unsigned gate_burst = 6;        ///< the same behind a gate, which costs less to come back through
    unsigned hot = 3;               ///< traps of a site after which it gets a gate, with level inline_
};

}  // namespace ringpress
