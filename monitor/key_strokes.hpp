// What a PC keyboard sends when a key is struck: scan codes of set 1.
//
// A terminal tells which character came out, not which key went down or when it came up again.  So every
// stroke becomes a whole one: modifiers down, key down, key up, modifiers up, on a US keyboard. Source: IBM
// PS/2 Hardware Interface Technical Reference, "Keyboards", scan code set 1.
#pragma once

#include <cstdint>
#include <string>

namespace ringpress {

/// Keys without a character.
enum class Key : std::uint8_t {
    escape,
    enter,
    tab,
    backspace,
    up,
    down,
    left,
    right,
    home,
    end,
    page_up,
    page_down,
    insert,
    delete_,
    f1,
    f2,
    f3,
    f4,
    f5,
    f6,
    f7,
    f8,
    f9,
    f10,
    f11,
    f12,
};

struct Modifiers {
    bool shift = false, ctrl = false, alt = false;
};

/// Set-1 bytes of one stroke of a key.
std::string scan_codes(Key key, Modifiers modifiers = {});

/// The same for a character as a terminal sends it: 0x20..0x7E; control characters as Ctrl-letter (1..26),
/// enter (13, 10), tab (9), backspace (8, 127) and escape (27).  Empty if a US keyboard has no key for it.
std::string scan_codes(char32_t character, bool alt = false);

}  // namespace ringpress
