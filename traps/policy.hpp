// What trap handling was asked to do about the instructions that x86 does not trap.
#pragma once

#include <cstdint>

namespace ringpress {

enum class SensitiveLevel : std::uint8_t {
    ignore,   ///< leave the holes open: silent instructions run natively and do the wrong thing
    trap,     ///< every sensitive instruction is an int3 in the code view
    inline_,  ///< as `trap`, and hot sites become jumps to code that does the work without a trap
};

/// The tricks that make it fast, each with a number that sets it or switches it off: see tunes.def.
struct Tuning {
#define RINGPRESS_TUNE(member, name, standard, greatest, meaning) unsigned member = standard;
#include "traps/tunes.def"
#undef RINGPRESS_TUNE
};

struct Policy {
    SensitiveLevel level = SensitiveLevel::inline_;
    bool user_code_direct = false;  ///< guest user code runs from RAM, not from views
    bool virtual_tsc = false;       ///< rdtsc must not show the host's counter
    Tuning tuning = {};
};

}  // namespace ringpress
