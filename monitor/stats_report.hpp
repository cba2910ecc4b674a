// What --stats prints after a guest: where the monitor was entered and what it did there.
#pragma once

#include <string>

#include "traps/statistics.hpp"

namespace ringpress {

/// Tables for people, ending in a line end.  seconds: how long the guest ran, for the rates.
std::string stats_text(const Statistics& statistics, double seconds);

/// One JSON object on one line, ending in a line end:
///   {"seconds": s, "traps": {"total": n, CAUSE: n...}, "gates": n, "emulated": [{"mnemonic", "class",
///   "count"}...],
///    "reflected": {VECTOR: n...}, "code": {...}, "memory": {...}, "interrupts": n, "halts": n}
std::string stats_json(const Statistics& statistics, double seconds);

}  // namespace ringpress
