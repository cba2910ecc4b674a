// A tail as it is composed from the guest's bytes: see shadow/site_tails.cpp and traps/handle_tail.cpp.
#pragma once

#include <cstdint>

namespace ringpress {

struct SiteTail {
    static constexpr unsigned kMostInstructions = 5;  ///< a site covers four bytes behind its first
    static constexpr unsigned kMostBytes = kMostInstructions * 15 + 5;
    std::uint8_t code[kMostBytes];
    unsigned bytes = 0;
    /// Where an instruction's copy begins in `code`, and it itself in its page; the last may be the jump
    /// back, which stands for what is behind the copied ones.
    struct Point {
        unsigned at, from;
    } point[kMostInstructions + 1];
    unsigned points = 0;
};

}  // namespace ringpress
