#include "monitor/control/key_names.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "monitor/key_strokes.hpp"

namespace ringpress {

namespace {

struct KeyName {
    std::string_view name;
    std::string_view make;  ///< scan codes of set 1
};
/// What key_strokes.hpp does not know as a character or a key of its own.
constexpr KeyName kCodes[] = {
    {"shift", "\x2A"},     {"shift_r", "\x36"},       {"ctrl", "\x1D"},        {"ctrl_r", "\xE0\x1D"},
    {"alt", "\x38"},       {"alt_r", "\xE0\x38"},     {"meta_l", "\xE0\x5B"},  {"meta_r", "\xE0\x5C"},
    {"menu", "\xE0\x5D"},  {"caps_lock", "\x3A"},     {"num_lock", "\x45"},    {"scroll_lock", "\x46"},
    {"print", "\xE0\x37"}, {"kp_multiply", "\x37"},   {"kp_subtract", "\x4A"}, {"kp_add", "\x4E"},
    {"kp_0", "\x52"},      {"kp_1", "\x4F"},          {"kp_2", "\x50"},        {"kp_3", "\x51"},
    {"kp_4", "\x4B"},      {"kp_5", "\x4C"},          {"kp_6", "\x4D"},        {"kp_7", "\x47"},
    {"kp_8", "\x48"},      {"kp_9", "\x49"},          {"kp_decimal", "\x53"},  {"kp_enter", "\xE0\x1C"},
    {"less", "\x56"},      {"kp_divide", "\xE0\x35"},
};
constexpr struct {
    std::string_view name;
    char character;
} kCharacters[] = {
    {"spc", ' '},          {"minus", '-'},      {"equal", '='},        {"comma", ','},
    {"dot", '.'},          {"slash", '/'},      {"semicolon", ';'},    {"apostrophe", '\''},
    {"grave_accent", '`'}, {"backslash", '\\'}, {"bracket_left", '['}, {"bracket_right", ']'},
    {"ret", '\r'},         {"tab", '\t'},       {"esc", '\x1B'},       {"backspace", '\b'},
};
constexpr struct {
    std::string_view name;
    Key key;
} kKeys[] = {
    {"up", Key::up},         {"down", Key::down},      {"left", Key::left},    {"right", Key::right},
    {"home", Key::home},     {"end", Key::end},        {"pgup", Key::page_up}, {"pgdn", Key::page_down},
    {"insert", Key::insert}, {"delete", Key::delete_}, {"f1", Key::f1},        {"f2", Key::f2},
    {"f3", Key::f3},         {"f4", Key::f4},          {"f5", Key::f5},        {"f6", Key::f6},
    {"f7", Key::f7},         {"f8", Key::f8},          {"f9", Key::f9},        {"f10", Key::f10},
    {"f11", Key::f11},       {"f12", Key::f12},
};

std::string make_code(std::string_view name) {
    for (const KeyName& key : kCodes)
        if (key.name == name) return std::string(key.make);
    for (const auto& key : kCharacters)
        if (key.name == name) return stroke_of(static_cast<char32_t>(key.character)).repeat;
    for (const auto& key : kKeys)
        if (key.name == name) return stroke_of(key.key).repeat;
    const bool plain =
        name.size() == 1 && ((name[0] >= 'a' && name[0] <= 'z') || (name[0] >= '0' && name[0] <= '9'));
    if (!plain) throw std::runtime_error(fmt::format("invalid parameter: {}", name));
    return stroke_of(static_cast<char32_t>(name[0])).repeat;
}

}  // namespace

std::string scan_codes_of_keys(std::string_view keys) {
    constexpr char kRelease = '\x80';
    if (keys.ends_with('-')) throw std::runtime_error(fmt::format("invalid parameter: {}", keys));
    std::string press, release;
    for (std::size_t dash; !keys.empty();
         keys.remove_prefix(dash == std::string_view::npos ? keys.size() : dash + 1)) {
        dash = keys.find('-');
        std::string code = make_code(keys.substr(0, dash));
        press += code;
        code.back() = static_cast<char>(code.back() | kRelease);
        release.insert(0, code);
    }
    if (press.empty()) throw std::runtime_error("sendkey needs keys: sendkey ctrl-alt-delete");
    return press + release;
}

}  // namespace ringpress
