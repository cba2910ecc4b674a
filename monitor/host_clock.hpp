// The host's monotonic clock, as the core may read it behind the fence.
//
// The vDSO reads it without a system call, unless the host's clock source allows no reading from user mode
// (HPET and the ACPI timer do not).  Then it makes the call by itself, from an address that the fence does
// not know; so on such a host the core makes the call, from its own.
#pragma once

#include "traps/device_bus.hpp"

namespace ringpress {

/// Tries it out: true if reading the clock through the vDSO ends in a system call, or if that cannot be told.
bool vdso_asks_the_kernel();

class HostClock {
  public:
    explicit HostClock(bool by_system_call) : by_system_call_(by_system_call) {}
    /// Nanoseconds since some moment before the start of this process.
    Nanoseconds now() const;

  private:
    bool by_system_call_;
};

}  // namespace ringpress
