// Which device answers at which I/O port: one table look-up and one indirect call.
//
// Filled when the machine is built; it holds no state of the machine, so it is not in the arena.
#pragma once

#include <cstdint>

#include "monitor/devices/device.hpp"

namespace ringpress {

class PortMap {
  public:
    /// Gives ports [first, first + count) to a device, which sees `first` as offset `first_offset`.  Accesses
    /// up to max_width bytes arrive whole; wider ones are split as the ISA bus does.  Ports that are taken
    /// already are an assertion error.
    void add(std::uint16_t first, unsigned count, PortDevice& device, unsigned max_width = 1,
             unsigned first_offset = 0);

    /// Ports without a device read as ones and ignore writes.
    std::uint32_t read(std::uint16_t port, unsigned width) const;
    void write(std::uint16_t port, unsigned width, std::uint32_t value) const;

    bool claimed(std::uint16_t port) const { return owner_[port] != 0; }

  private:
    struct Range {
        PortDevice* device = nullptr;
        std::uint16_t first = 0;
        std::uint8_t max_width = 0;
        std::uint8_t first_offset = 0;
    };
    static constexpr unsigned kMaxRanges = 48;

    Range ranges_[kMaxRanges];  ///< 0 stands for nobody
    unsigned count_ = 1;
    std::uint8_t owner_[65536] = {};
};

}  // namespace ringpress
