// `x/FMT`, `xp/FMT` and `p/FMT`: QEMU's way of saying how memory is to be shown, and its way of showing it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "monitor/guest_access.hpp"

namespace ringpress {

struct MemoryFormat {
    unsigned count = 1;
    char letter = 'x';  ///< x d u o c, or i for instructions
    unsigned size = 4;  ///< bytes of one item: 1, 2, 4, 8
};

/// Takes "/4xw" off the front of `text` (nothing, if it does not begin with '/').  `last` is what was used
/// last, the default for what is not said; it is changed to the answer, but for the count.
/// Throws std::runtime_error with one line.
MemoryFormat take_memory_format(std::string_view& text, MemoryFormat& last);

/// Lines as QEMU has them.  Memory that is not there ends the listing with a line that says so.
std::string dump_memory(const GuestAccess& guest, std::uint32_t address, bool physical,
                        const MemoryFormat& format);

/// One value as `p/FMT` shows it, without a line end.
std::string format_value(std::int64_t value, char letter);

}  // namespace ringpress
