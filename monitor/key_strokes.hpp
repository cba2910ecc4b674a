// What a PC keyboard sends when a key is struck: scan codes of set 1.
//
// A terminal tells which character came out, not which keys it took.  So every character becomes the stroke
// that makes it on a US keyboard, modifiers included; when the key comes up again is for held_key.hpp to
// guess. Source: IBM PS/2 Hardware Interface Technical Reference, "Keyboards", scan code set 1.
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

/// The set-1 bytes of one stroke of a key, in the order in which they are sent.
struct Stroke {
    std::string press;  ///< modifiers go down, then the key
    std::string
        repeat;  ///< what the keyboard sends again and again while the key is held: its make code alone
    std::string release;  ///< the key comes up, then the modifiers

    bool empty() const { return press.empty(); }
    bool operator==(const Stroke&) const = default;
};

Stroke stroke_of(Key key, Modifiers modifiers = {});

/// The same for a character as a terminal sends it: 0x20..0x7E; control characters as Ctrl-letter (1..26),
/// enter (13, 10), tab (9), backspace (8, 127) and escape (27).  Empty if a US keyboard has no key for it.
Stroke stroke_of(char32_t character, bool alt = false);

}  // namespace ringpress
