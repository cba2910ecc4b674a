// The version of ringpress, for people and for the headers of files that it writes.
#pragma once

namespace ringpress {
inline constexpr const char* kVersion = "0.1.0";
}
