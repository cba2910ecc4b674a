#include "monitor/top/top_screen.hpp"

// ncurses without its macros named like functions (timeout, move, erase...).
#define NCURSES_NOMACROS 1
#include <curses.h>

#include <clocale>
#include <cstdlib>
#include <stdexcept>

namespace ringpress {

namespace {

constexpr int kRefreshMilliseconds = 1000;
constexpr int kLinesBesideSites = 30;  ///< of the report, when every cause occurs

class Screen {
  public:
    Screen() {
        std::setlocale(LC_CTYPE, "");
        const char* const type = std::getenv("TERM");
        screen_ = newterm(nullptr, stdout, stdin);
        if (!screen_)
            throw std::runtime_error(std::string("top cannot use this terminal (TERM=") + (type ? type : "") +
                                     "): set TERM to one that terminfo knows, or use --once");
        cbreak();
        noecho();
        keypad(stdscr, TRUE);
        curs_set(0);
        timeout(kRefreshMilliseconds);
    }
    ~Screen() {
        endwin();
        delscreen(screen_);
    }
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;

    void show(const std::vector<TopLine>& lines, const std::string& said) {
        erase();
        int row = 0;
        for (const TopLine& line : lines) {
            if (row >= LINES - 1) break;
            if (line.heading) attron(A_BOLD);
            mvaddnstr(row++, 0, line.text.c_str(), COLS);
            if (line.heading) attroff(A_BOLD);
        }
        attron(A_REVERSE);
        const std::string keys = " s stop, step to the next trap   c continue   q quit   " + said;
        mvaddnstr(LINES - 1, 0, keys.c_str(), COLS);
        attroff(A_REVERSE);
        refresh();
    }

  private:
    SCREEN* screen_;
};

}  // namespace

void watch_on_screen(WatchedMachine& machine) {
    Screen screen;
    std::string said;
    for (;;) {
        const int room = LINES - kLinesBesideSites;
        const TopReport report = machine.look(static_cast<std::size_t>(room > 5 ? room : 5));
        screen.show(top_lines(report, static_cast<unsigned>(COLS)), said);
        switch (getch()) {
            case 'q':
            case 'Q': return;
            case 's':
                said = report.now.stopped ? machine.monitor("next-trap") : machine.monitor("stop");
                if (said.empty()) said = machine.newest_trap();
                break;
            case 'c': said = machine.monitor("cont"); break;
            default: break;  // time for a new look, or the terminal's size has changed
        }
        while (!said.empty() && said.back() == '\n') said.pop_back();
    }
}

}  // namespace ringpress
