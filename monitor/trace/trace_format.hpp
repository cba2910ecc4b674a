// The trace file: JSON Lines.  The first line is the header; then comes a line for every trap, in order, and
// in between what else there is to say; the last line is the end.  docs/tracing.md describes it for readers
// in other languages.
#pragma once

#include <cstdint>
#include <string_view>

namespace ringpress {

inline constexpr std::string_view kTraceFormat = "ringpress-trace";
/// Raised when a reader of the old version would misunderstand the new one; new keys alone do not raise it.
inline constexpr unsigned kTraceVersion = 1;

}  // namespace ringpress
