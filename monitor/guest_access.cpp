#include "monitor/guest_access.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace ringpress {

VCpu bounded_copy(const VCpu& cpu) {
    VCpu copy;
    std::memcpy(&copy, &cpu, sizeof copy);
    // What is put right below must be what is used: the compiler is not to read the original again.
    std::atomic_signal_fence(std::memory_order_seq_cst);
    copy.cpl &= 3;
    if (copy.shadow > InterruptShadow::mov_ss) copy.shadow = InterruptShadow::none;
    if (copy.activity > Activity::shutdown) copy.activity = Activity::running;
    return copy;
}

std::optional<Translation> GuestAccess::translate(const VCpu& cpu, gva address) const {
    const auto size = static_cast<std::uint32_t>(ram_.size());
    const Result<Translation> found = walk(cpu, ram_.data(), size, address, Access::read(false), false);
    if (!found) return std::nullopt;
    return found.value();
}

std::size_t GuestAccess::read(gpa address, void* into, std::size_t bytes) const {
    if (address.value >= ram_.size()) return 0;
    const std::size_t there = std::min(bytes, ram_.size() - address.value);
    std::memcpy(into, ram_.data() + address.value, there);
    return there;
}

std::size_t GuestAccess::write(gpa address, const void* from, std::size_t bytes) {
    if (address.value >= ram_.size() || bytes == 0) return 0;
    const std::size_t there = std::min(bytes, ram_.size() - address.value);
    std::memcpy(ram_.data() + address.value, from, there);
    if (written_) {
        const auto last = static_cast<std::uint32_t>(address.value + there - 1) >> kPageShift;
        for (std::uint32_t page = address.page(); page <= last; ++page) written_(gpa(page << kPageShift));
    }
    return there;
}

/// move(physical, offset, bytes) for the parts of a range that lie in one page each, until one of them is not
/// there or was not moved as a whole.
template <class Move>
std::size_t GuestAccess::over_pages(gva address, std::size_t bytes, Move move) const {
    const VCpu cpu = this->cpu();
    std::size_t done = 0;
    while (done < bytes) {
        const gva at = address + static_cast<std::uint32_t>(done);
        const std::optional<Translation> t = translate(cpu, at);
        if (!t) break;
        const std::size_t part = std::min<std::size_t>(bytes - done, kPageSize - at.offset());
        const std::size_t moved = move(t->physical, done, part);
        done += moved;
        if (moved != part) break;
    }
    return done;
}

std::size_t GuestAccess::read(gva address, void* into, std::size_t bytes) const {
    return over_pages(address, bytes, [&](gpa from, std::size_t offset, std::size_t part) {
        return read(from, static_cast<std::uint8_t*>(into) + offset, part);
    });
}

std::size_t GuestAccess::write(gva address, const void* from, std::size_t bytes) {
    return over_pages(address, bytes, [&](gpa to, std::size_t offset, std::size_t part) {
        return write(to, static_cast<const std::uint8_t*>(from) + offset, part);
    });
}

}  // namespace ringpress
