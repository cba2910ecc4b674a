#include "monitor/devices/port_map.hpp"

#include "shadow/check.hpp"

namespace ringpress {

void PortMap::add(std::uint16_t first, unsigned count, PortDevice& device, unsigned max_width,
                  unsigned first_offset) {
    CHECK(count_ < kMaxRanges && count > 0 && first + count <= 65536u);
    for (unsigned port = first; port < first + count; ++port) {
        CHECK(owner_[port] == 0);
        owner_[port] = static_cast<std::uint8_t>(count_);
    }
    ranges_[count_++] = {&device, first, static_cast<std::uint8_t>(max_width),
                         static_cast<std::uint8_t>(first_offset)};
}

std::uint32_t PortMap::read(std::uint16_t port, unsigned width) const {
    const Range& r = ranges_[owner_[port]];
    if (width <= r.max_width) return r.device->read(port - r.first + r.first_offset, width);
    if (width == 1) return 0xFF;
    const unsigned half = width / 2;
    const std::uint32_t low = read(port, half);
    return low | read(static_cast<std::uint16_t>(port + half), half) << 8 * half;
}

void PortMap::write(std::uint16_t port, unsigned width, std::uint32_t value) const {
    const Range& r = ranges_[owner_[port]];
    if (width <= r.max_width) return r.device->write(port - r.first + r.first_offset, width, value);
    if (width == 1) return;
    const unsigned half = width / 2;
    write(port, half, value & ((1u << 8 * half) - 1));
    write(static_cast<std::uint16_t>(port + half), half, value >> 8 * half);
}

}  // namespace ringpress
