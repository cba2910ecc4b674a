// The holes of a running guest: what `info holes` says in the monitor.
#pragma once

#include <string>

#include "traps/statistics.hpp"

namespace ringpress {

/// How often each sensitive instruction was emulated, those first that would not have trapped by themselves.
/// Lines for people, ending in a line end.
std::string holes_summary(const Statistics& statistics);

}  // namespace ringpress
