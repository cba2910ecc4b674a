#include "monitor/boot/memory_map.hpp"

namespace ringpress {

std::vector<MemoryRange> memory_map(std::uint64_t ram_bytes) {
    std::vector<MemoryRange> map{
        {0, kLowMemoryEnd, MemoryType::usable},
        {kLowMemoryEnd, kVideoMemory - kLowMemoryEnd, MemoryType::reserved},  // extended BIOS data area
        {kBiosStart, kHighMemory - kBiosStart, MemoryType::reserved},
    };
    if (ram_bytes > kHighMemory) map.push_back({kHighMemory, ram_bytes - kHighMemory, MemoryType::usable});
    map.push_back({kIoApicWindow, 0x1000, MemoryType::reserved});
    map.push_back({kLocalApicWindow, 0x1000, MemoryType::reserved});
    return map;
}

}  // namespace ringpress
