#include "monitor/key_strokes.hpp"

#include <string_view>
#include <utility>

namespace ringpress {
namespace {

constexpr std::uint8_t kRelease = 0x80;  ///< added to a make code for the break code
constexpr char kExtended = '\xE0';       ///< before the keys that the original PC keyboard had elsewhere
constexpr std::uint8_t kCtrl = 0x1D, kShift = 0x2A, kAlt = 0x38;

struct Code {
    std::uint8_t make = 0;
    bool extended = false;
};

Code code_of(Key key) {
    switch (key) {
        case Key::escape: return {0x01};
        case Key::backspace: return {0x0E};
        case Key::tab: return {0x0F};
        case Key::enter: return {0x1C};
        case Key::home: return {0x47, true};
        case Key::up: return {0x48, true};
        case Key::page_up: return {0x49, true};
        case Key::left: return {0x4B, true};
        case Key::right: return {0x4D, true};
        case Key::end: return {0x4F, true};
        case Key::down: return {0x50, true};
        case Key::page_down: return {0x51, true};
        case Key::insert: return {0x52, true};
        case Key::delete_: return {0x53, true};
        case Key::f11: return {0x57};
        case Key::f12: return {0x58};
        default: break;
    }
    return {static_cast<std::uint8_t>(0x3B + static_cast<unsigned>(key) - static_cast<unsigned>(Key::f1))};
}

std::string bytes_of(Code code, std::uint8_t release = 0) {
    std::string bytes;
    if (code.extended) bytes += kExtended;
    bytes += static_cast<char>(code.make | release);
    return bytes;
}

Stroke stroke(Code code, Modifiers modifiers) {
    Stroke s;
    for (const auto& [held, key] :
         {std::pair{modifiers.ctrl, kCtrl}, {modifiers.alt, kAlt}, {modifiers.shift, kShift}}) {
        if (!held) continue;
        s.press += bytes_of({key});
        s.release = bytes_of({key}, kRelease) + s.release;
    }
    s.repeat = bytes_of(code);
    s.press += s.repeat;
    s.release = bytes_of(code, kRelease) + s.release;
    return s;
}

/// The keys that print, row by row from make code 2 on; '\0' where another key sits.
constexpr std::string_view kPlain("1234567890-=\0\0qwertyuiop[]\0\0asdfghjkl;'`\0\\zxcvbnm,./\0\0\0 ", 56);
constexpr std::string_view kShifted("!@#$%^&*()_+\0\0QWERTYUIOP{}\0\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0\0\0 ", 56);
constexpr std::uint8_t kFirst = 2;

}  // namespace

Stroke stroke_of(Key key, Modifiers modifiers) {
    return stroke(code_of(key), modifiers);
}

Stroke stroke_of(char32_t character, bool alt) {
    switch (character) {
        case 27: return stroke_of(Key::escape, {.alt = alt});
        case 13:
        case 10: return stroke_of(Key::enter, {.alt = alt});
        case 9: return stroke_of(Key::tab, {.alt = alt});
        case 8:
        case 127: return stroke_of(Key::backspace, {.alt = alt});
        default: break;
    }
    Modifiers modifiers{.alt = alt};
    if (character >= 1 && character <= 31) {
        // Ctrl takes away bits 5 and 6 of a character; 28..31 are Ctrl-\ ] ^ _.
        modifiers.ctrl = true;
        character = character <= 26 ? character + 'a' - 1 : character + 0x40;
    }
    if (character < 0x20 || character > 0x7E) return {};
    const char wanted = static_cast<char>(character);
    std::size_t at = kPlain.find(wanted);
    if (at == std::string_view::npos) {
        at = kShifted.find(wanted);
        modifiers.shift = true;
    }
    if (at == std::string_view::npos) return {};
    return stroke({static_cast<std::uint8_t>(kFirst + at)}, modifiers);
}

}  // namespace ringpress
