// The state of all devices, as one plain struct in the arena.
#pragma once

#include <type_traits>

namespace ringpress {

struct DeviceState {
    int placeholder = 0;
};
static_assert(std::is_trivially_copyable_v<DeviceState>);

}  // namespace ringpress
