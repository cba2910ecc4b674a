#include "monitor/terminal_style.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace ringpress {

bool wants_colour(std::FILE* stream) {
    const char* no_colour = std::getenv("NO_COLOR");
    const char* term = std::getenv("TERM");
    if (no_colour && *no_colour) return false;
    return isatty(fileno(stream)) && !(term && std::string_view(term) == "dumb");
}

unsigned output_width(std::FILE* stream) {
    constexpr unsigned kDefault = 100, kMost = 10'000;
    winsize size{};
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    const char* columns = std::getenv("COLUMNS");
    const unsigned long wanted = columns ? std::strtoul(columns, nullptr, 10) : 0;
    return wanted > 0 && wanted <= kMost ? static_cast<unsigned>(wanted) : kDefault;
}

}  // namespace ringpress
