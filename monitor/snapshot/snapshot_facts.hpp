// What a snapshot says of its machine, as JSON.
#pragma once

#include <optional>
#include <string>

#include "monitor/snapshot/snapshot.hpp"

namespace ringpress {

std::string to_json(const SnapshotFacts& facts);
/// Nothing if the text is no such description, or describes no possible machine.
std::optional<SnapshotFacts> facts_from_json(const std::string& text);

}  // namespace ringpress
