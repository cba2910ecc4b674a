// What trap handling was asked to do about the instructions that x86 does not trap.
#pragma once

#include <cstdint>

#include "traps/instruction.hpp"

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

static_assert(static_cast<unsigned>(InsnId::count_) <= 64, "Policy::open has a bit for each");

struct Policy {
    SensitiveLevel level = SensitiveLevel::inline_;
    bool user_code_direct = false;  ///< guest user code runs from RAM, not from views
    bool virtual_tsc = false;       ///< rdtsc must not show the host's counter
    Tuning tuning = {};

    /// Experiments: holes that stay open whatever the level.  Bit n is InsnId n, for instructions at the
    /// linear addresses open_first to open_last.
    std::uint64_t open = 0;
    std::uint32_t open_first = 0, open_last = ~0u;

    /// True if the instruction shall do what ring 3 makes of it.
    bool leaves_open(InsnId id, std::uint32_t address) const {
        // The guest's own breakpoints must reach the guest; rdtsc has rules of its own.
        if (id <= InsnId::innocuous || id == InsnId::int3 || id == InsnId::int1 || id == InsnId::rdtsc)
            return false;
        if (level == SensitiveLevel::ignore) return true;
        return (open >> static_cast<unsigned>(id) & 1u) && address >= open_first && address <= open_last;
    }
};

}  // namespace ringpress
