// Keys by the names that QEMU's `sendkey` gives them.
#pragma once

#include <string>
#include <string_view>

namespace ringpress {

/// Scan codes of set 1 for keys that are struck together, "ctrl-alt-delete" or "shift-a": all go down in
/// order, and come up in the opposite one.  Throws std::runtime_error with one line for a name that is none.
std::string scan_codes_of_keys(std::string_view keys);

}  // namespace ringpress
