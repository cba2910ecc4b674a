#include "monitor/key_strokes.hpp"

#include <catch2/catch.hpp>
#include <map>

#include "monitor/escape_keys.hpp"

using namespace ringpress;

namespace {

/// All bytes of a stroke that is not held.
template <class Character, class... Modifier>
std::string scan_codes(Character character, Modifier... modifier) {
    const Stroke stroke = stroke_of(character, modifier...);
    return stroke.press + stroke.release;
}

}  // namespace

TEST_CASE("A character is a key down and a key up, with Shift around it where a US keyboard needs that") {
    CHECK(scan_codes(U'a') == "\x1E\x9E");
    CHECK(scan_codes(U'A') == "\x2A\x1E\x9E\xAA");
    CHECK(scan_codes(U'1') == "\x02\x82");
    CHECK(scan_codes(U'!') == "\x2A\x02\x82\xAA");
    CHECK(scan_codes(U' ') == "\x39\xB9");
    CHECK(scan_codes(U'\\') == "\x2B\xAB");
    CHECK(scan_codes(U'/') == "\x35\xB5");
    CHECK(scan_codes(U'\r') == "\x1C\x9C");
    CHECK(scan_codes(U'\x7F') == "\x0E\x8E");
    CHECK(scan_codes(U'\x1B') == "\x01\x81");
    CHECK(scan_codes(U'\x03') == "\x1D\x2E\xAE\x9D");
    CHECK(scan_codes(U'x', true) == "\x38\x2D\xAD\xB8");
}

TEST_CASE("A key that is held repeats its make code, with its prefix and without its modifiers") {
    CHECK(stroke_of(Key::up).repeat == "\xE0\x48");
    CHECK(stroke_of(U'A').repeat == "\x1E");
    CHECK(stroke_of(Key::up, {.shift = true}).press == "\x2A\xE0\x48");
}

TEST_CASE("Arrows and their neighbours carry the E0 prefix, function keys do not") {
    CHECK(scan_codes(Key::up) == "\xE0\x48\xE0\xC8");
    CHECK(scan_codes(Key::delete_) == "\xE0\x53\xE0\xD3");
    CHECK(scan_codes(Key::f1) == "\x3B\xBB");
    CHECK(scan_codes(Key::f10) == "\x44\xC4");
    CHECK(scan_codes(Key::f11) == "\x57\xD7");
    CHECK(scan_codes(Key::f12, Modifiers{.ctrl = true, .alt = true}) == "\x1D\x38\x58\xD8\xB8\x9D");
}

TEST_CASE("Every printable character has a stroke of its own that leaves no key down") {
    std::map<std::string, char32_t> seen;
    for (char32_t c = 0x20; c < 0x7F; ++c) {
        const std::string codes = scan_codes(c);
        INFO("character " << static_cast<unsigned>(c));
        REQUIRE(!codes.empty());
        CHECK(seen.emplace(codes, c).second);
        int down[128] = {};
        for (const char code : codes) down[code & 0x7F] += code & 0x80 ? -1 : 1;
        for (const int d : down) CHECK(d == 0);
    }
    CHECK(stroke_of(U'\u00E4').empty());
}

TEST_CASE("Ctrl-A leads to leaving, help, or itself, and swallows other keys once") {
    using Action = EscapeKeys::Action;
    EscapeKeys keys;
    CHECK(keys.feed('x').action == Action::send);
    CHECK(keys.feed(1).action == Action::none);
    CHECK(keys.feed('x').action == Action::quit);
    CHECK(keys.feed(1).action == Action::none);
    CHECK(keys.feed('h').action == Action::help);
    for (const std::uint8_t second : {std::uint8_t{'a'}, std::uint8_t{1}}) {
        CHECK(keys.feed(1).action == Action::none);
        const auto sent = keys.feed(second);
        CHECK(sent.action == Action::send);
        CHECK(sent.byte == 1);
    }
    CHECK(keys.feed(1).action == Action::none);
    CHECK(keys.feed('z').action == Action::none);
    CHECK(keys.feed(1).action == Action::none);
    CHECK(keys.feed('c').action == Action::monitor);
    CHECK(keys.feed('c').action == Action::send);
}
