#include "monitor/text_display.hpp"

// ncurses without its macros named like functions (timeout, move, erase...).
#define NCURSES_NOMACROS 1
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <unistd.h>

#include <array>
#include <clocale>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>

#include "monitor/cp437.hpp"
#include "monitor/escape_keys.hpp"
#include "monitor/terminal.hpp"

// From <term.h>, which cannot be included: it defines hundreds of macros with names like `tab`.
extern "C" char* tigetstr(const char* capability);

namespace ringpress {
namespace {

constexpr std::size_t kCells = TextDisplay::kColumns * TextDisplay::kRows;

/// VGA numbers colours blue-green-red from bit 0, ANSI terminals red-green-blue; bit 3 is bright in both.
short ansi_colour(unsigned vga) {
    return static_cast<short>((vga & 0xAu) | (vga & 1u) << 2 | (vga >> 2 & 1u));
}

struct KeyName {
    int code;
    Key key;
    bool shift;
};
constexpr KeyName kKeyNames[] = {
    {KEY_UP, Key::up, false},         {KEY_DOWN, Key::down, false},
    {KEY_LEFT, Key::left, false},     {KEY_RIGHT, Key::right, false},
    {KEY_HOME, Key::home, false},     {KEY_END, Key::end, false},
    {KEY_PPAGE, Key::page_up, false}, {KEY_NPAGE, Key::page_down, false},
    {KEY_IC, Key::insert, false},     {KEY_DC, Key::delete_, false},
    {KEY_ENTER, Key::enter, false},   {KEY_BACKSPACE, Key::backspace, false},
    {KEY_BTAB, Key::tab, true},       {KEY_SR, Key::up, true},
    {KEY_SF, Key::down, true},        {KEY_SLEFT, Key::left, true},
    {KEY_SRIGHT, Key::right, true},   {KEY_SHOME, Key::home, true},
    {KEY_SEND, Key::end, true},       {KEY_SDC, Key::delete_, true},
};

Stroke stroke_of_function_key(int code, bool alt) {
    if (code >= KEY_F(1) && code <= KEY_F(12)) {
        const auto f = static_cast<std::uint8_t>(static_cast<unsigned>(Key::f1) +
                                                 static_cast<unsigned>(code - KEY_F(1)));
        return stroke_of(static_cast<Key>(f), {.alt = alt});
    }
    for (const KeyName& name : kKeyNames) {
        if (name.code == code) return stroke_of(name.key, {.shift = name.shift, .alt = alt});
    }
    return {};
}

/// Cursor keys in both of a terminal's modes, DECCKM: not every terminal heeds the switch that terminfo asks
/// for.
void define_cursor_keys() {
    constexpr std::pair<char, int> kFinal[] = {{'A', KEY_UP},   {'B', KEY_DOWN}, {'C', KEY_RIGHT},
                                               {'D', KEY_LEFT}, {'H', KEY_HOME}, {'F', KEY_END}};
    for (const char mode : {'[', 'O'}) {
        for (const auto& [final, key] : kFinal) {
            const char sequence[] = {'\x1B', mode, final, '\0'};
            define_key(sequence, key);
        }
    }
}

/// A terminfo string without its padding ("$<5>"), which no terminal of today needs.
std::string capability(const char* name) {
    const char* text = tigetstr(name);
    if (text == nullptr || text == reinterpret_cast<const char*>(-1)) return {};
    std::string result = text;
    for (std::size_t at; (at = result.find("$<")) != std::string::npos;) {
        const std::size_t end = result.find('>', at);
        if (end == std::string::npos) break;
        result.erase(at, end - at + 1);
    }
    return result;
}

}  // namespace

struct TextDisplay::Impl {
    SCREEN* screen = nullptr;
    int shown_rows = 0, shown_columns = 0;  ///< the terminal's size when the screen was last drawn
    std::array<std::uint8_t, kCells * 2> shown{};
    ScreenRegisters shown_registers;
    bool must_draw = true;
    EscapeKeys escape;
    std::vector<bool> pair_made;

    attr_t attributes(std::uint8_t vga, short& pair);
    void draw();
};

ScreenRegisters screen_registers(const VgaTextState& vga) {
    const auto word = [&](unsigned high, unsigned low) {
        return static_cast<std::uint16_t>(vga.crtc[high] << 8 | vga.crtc[low]);
    };
    constexpr std::uint8_t kCursorOff = 0x20;
    const std::uint8_t first_line = vga.crtc[crtc::kCursorStart], last_line = vga.crtc[crtc::kCursorEnd];
    ScreenRegisters registers;
    registers.start = word(crtc::kStartHigh, crtc::kStartLow);
    registers.cursor = word(crtc::kCursorHigh, crtc::kCursorLow);
    registers.cursor_on = !(first_line & kCursorOff) && (first_line & 0x1Fu) <= (last_line & 0x1Fu);
    return registers;
}

TextDisplay::TextDisplay(Terminal& terminal) : impl_(std::make_unique<Impl>()) {
    // The character type only: numbers in our own messages and files stay as they are.
    std::setlocale(LC_CTYPE, "");
    if (MB_CUR_MAX == 1) std::setlocale(LC_CTYPE, "C.UTF-8");
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        throw std::runtime_error("-display text needs a terminal on standard input and output");
    }
    const char* type = std::getenv("TERM");
    impl_->screen = newterm(nullptr, stdout, stdin);
    if (!impl_->screen) {
        throw std::runtime_error(std::string("-display text cannot use this terminal (TERM=") +
                                 (type ? type : "") +
                                 "): set TERM to one that terminfo knows, as xterm-256color");
    }
    ::raw();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    define_cursor_keys();
    nodelay(stdscr, TRUE);
    set_escdelay(25);
    if (has_colors()) {
        start_color();
        impl_->pair_made.resize(256);
    }
    terminal.set_farewell(capability("sgr0") + capability("cnorm") + capability("rmkx") +
                          capability("rmcup"));
}

TextDisplay::~TextDisplay() {
    if (!impl_->screen) return;
    if (!isendwin()) endwin();
    delscreen(impl_->screen);
}

/// The ncurses attributes for a VGA attribute byte: low nibble foreground, high nibble background.  As in
/// QEMU, bit 7 is a bright background and never blinks.
attr_t TextDisplay::Impl::attributes(std::uint8_t vga, short& pair) {
    pair = 0;
    const unsigned foreground = vga & 15u, background = vga >> 4;
    if (pair_made.empty()) return background != 0 ? A_REVERSE : foreground > 8 ? A_BOLD : A_NORMAL;
    const bool sixteen = COLORS >= 16 && COLOR_PAIRS > 256;
    // With eight colours, bold stands for bright and bright backgrounds are ordinary ones.
    const unsigned mask = sixteen ? 15u : 7u;
    const unsigned number = sixteen ? vga : (foreground & 7u) | (background & 7u) << 3;
    pair = static_cast<short>(number + 1);
    if (pair >= COLOR_PAIRS) pair = 0;
    if (pair != 0 && !pair_made[number]) {
        init_pair(pair, ansi_colour(foreground & mask), ansi_colour(background & mask));
        pair_made[number] = true;
    }
    return !sixteen && foreground > 7 ? A_BOLD : A_NORMAL;
}

void TextDisplay::Impl::draw() {
    for (unsigned row = 0; row < kRows; ++row) {
        for (unsigned column = 0; column < kColumns; ++column) {
            const std::uint8_t* cell = &shown[(row * kColumns + column) * 2];
            short pair;
            const attr_t attribute = attributes(cell[1], pair);
            const wchar_t text[2] = {static_cast<wchar_t>(kCp437[cell[0]]), 0};
            cchar_t glyph;
            setcchar(&glyph, text, attribute, pair, nullptr);
            mvadd_wch(static_cast<int>(row), static_cast<int>(column), &glyph);
        }
    }
    const unsigned at = static_cast<std::uint16_t>(shown_registers.cursor - shown_registers.start);
    const int y = static_cast<int>(at / kColumns), x = static_cast<int>(at % kColumns);
    const bool visible = shown_registers.cursor_on && at < kCells && y < LINES && x < COLS;
    curs_set(visible ? 1 : 0);
    if (visible) move(y, x);
    ::refresh();
}

void TextDisplay::refresh(std::span<const std::uint8_t> video, ScreenRegisters registers) {
    // One copy first: the guest may be writing, and what is compared must be what is drawn.
    std::array<std::uint8_t, kCells * 2> now{};
    if (video.size() < kVideoMemoryBytes) return;
    for (std::size_t i = 0; i < now.size(); ++i) {
        now[i] = video[(registers.start * 2u + i) % kVideoMemoryBytes];
    }
    const bool cursor_moved = registers.cursor != impl_->shown_registers.cursor ||
                              registers.cursor_on != impl_->shown_registers.cursor_on ||
                              registers.start != impl_->shown_registers.start;
    if (!impl_->must_draw && !cursor_moved && now == impl_->shown) return;
    impl_->shown = now;
    impl_->shown_registers = registers;
    impl_->must_draw = false;
    impl_->draw();
}

void TextDisplay::redraw() {
    clearok(stdscr, TRUE);
    impl_->must_draw = true;
}

/// The modes of the terminal are as they were before ncurses: raw, by Terminal.
void TextDisplay::suspend() {
    endwin();
}

void TextDisplay::resume() {
    redraw();  // the next refresh() of ncurses also brings its screen and its modes back
}

TypedKeys TextDisplay::read_keys() {
    TypedKeys typed;
    for (;;) {
        wint_t code = 0;
        int kind = get_wch(&code);
        if (kind == ERR) return typed;
        if (kind == KEY_CODE_YES && code == KEY_RESIZE) {
            redraw();
            continue;
        }
        if (kind == OK && code < 128) {
            const auto result = impl_->escape.feed(static_cast<std::uint8_t>(code));
            if (result.action == EscapeKeys::Action::quit) typed.quit = true;
            if (result.action == EscapeKeys::Action::monitor) {
                typed.monitor = true;
                return typed;
            }
            if (result.action != EscapeKeys::Action::send) continue;
            code = result.byte;
        }
        // A terminal sends Alt with a key as Escape before it, both at once.
        bool alt = false;
        if (kind == OK && code == 27) {
            wint_t next = 0;
            const int next_kind = get_wch(&next);
            if (next_kind != ERR) {
                alt = true;
                kind = next_kind;
                code = next;
            }
        }
        Stroke stroke = kind == KEY_CODE_YES ? stroke_of_function_key(static_cast<int>(code), alt)
                                             : stroke_of(static_cast<char32_t>(code), alt);
        if (!stroke.empty()) typed.strokes.push_back(std::move(stroke));
    }
}

}  // namespace ringpress
