// What the host's processor reported: the same for both engines.
#pragma once

#include <cstdint>

namespace ringpress {

struct HostTrap {
    std::uint8_t vector = 0;    ///< the hardware exception, as in fault.hpp's Vector
    std::uint32_t error = 0;    ///< hardware error code
    std::uint32_t address = 0;  ///< CR2, for page faults
};

/// `int 0x80` reached the host's system-call entry, and a seccomp filter handed it back.
inline constexpr std::uint8_t kHostSystemCall = 0x80;

}  // namespace ringpress
