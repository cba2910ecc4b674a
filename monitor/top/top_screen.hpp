// The live view of `ringpress top`: lines on a terminal by ncurses, and three keys.
#pragma once

#include "monitor/top/watched_machine.hpp"

namespace ringpress {

/// Shows the machine until `q` is struck.  Throws std::runtime_error with one line if it ends meanwhile, or
/// if the terminal cannot be used.
void watch_on_screen(WatchedMachine& machine);

}  // namespace ringpress
