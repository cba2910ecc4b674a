// Text from outside as a JSON string.
#pragma once

#include <string>
#include <string_view>

namespace ringpress {

/// In quotes, and escaped; what is no UTF-8 is replaced.
std::string json_text(std::string_view text);

}  // namespace ringpress
