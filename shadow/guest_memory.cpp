#include "shadow/guest_memory.hpp"

namespace ringpress {

namespace {

std::uint32_t load_little_endian(const std::uint8_t* from, unsigned width) {
    if (width == 4) {
        std::uint32_t v;
        std::memcpy(&v, from, 4);
        return v;
    }
    if (width == 2) {
        std::uint16_t v;
        std::memcpy(&v, from, 2);
        return v;
    }
    return *from;
}

void store_little_endian(std::uint8_t* to, unsigned width, std::uint32_t value) {
    if (width == 4) {
        std::memcpy(to, &value, 4);
    } else if (width == 2) {
        const auto v = static_cast<std::uint16_t>(value);
        std::memcpy(to, &v, 2);
    } else {
        *to = static_cast<std::uint8_t>(value);
    }
}

constexpr std::uint32_t ones(unsigned width) {
    return width == 4 ? 0xFFFFFFFFu : (1u << (8 * width)) - 1u;
}

/// How many of `width` bytes at `address` lie in its page.
unsigned bytes_in_page(gva address, unsigned width) {
    const std::uint32_t left = kPageSize - address.offset();
    return left < width ? left : width;
}

}  // namespace

Result<gpa> GuestMemory::translate(gva address, Access access) {
    return TRY(walk(cpu_, ram_, size_, address, access, true)).physical;
}

Result<std::uint32_t> GuestMemory::read(gva address, unsigned width, Access access) {
    const gpa first = TRY(translate(address, access));
    const unsigned here = bytes_in_page(address, width);
    if (here == width) {
        touched(address, width, access);
        return read_physical(first, width);
    }

    const gpa second = TRY(translate(address + here, access));
    touched(address, width, access);
    std::uint32_t value = 0;
    for (unsigned i = 0; i < width; ++i)
        value |= read_physical(i < here ? first + i : second + (i - here), 1) << (8 * i);
    return value;
}

Result<void> GuestMemory::write(gva address, unsigned width, std::uint32_t value, Access access) {
    const gpa first = TRY(translate(address, access));
    const unsigned here = bytes_in_page(address, width);
    if (here == width) {
        touched(address, width, access);
        write_physical(first, width, value);
        return {};
    }
    const gpa second = TRY(translate(address + here, access));
    touched(address, width, access);
    for (unsigned i = 0; i < width; ++i)
        write_physical(i < here ? first + i : second + (i - here), 1, value >> (8 * i));
    return {};
}

Result<void> GuestMemory::read_bytes(gva address, void* into, std::size_t length, Access access) {
    auto* out = static_cast<std::uint8_t*>(into);
    while (length > 0) {
        const gpa from = TRY(translate(address, access));
        std::uint32_t here = kPageSize - address.offset();
        if (here > length) here = static_cast<std::uint32_t>(length);
        touched(address, here, access);
        if (plain(from)) {
            std::memcpy(out, ram_ + from.value, here);
        } else {
            for (std::uint32_t i = 0; i < here; ++i)
                out[i] = static_cast<std::uint8_t>(read_physical(from + i, 1));
        }
        out += here;
        length -= here;
        address = address + here;
    }
    return {};
}

Result<std::uint8_t*> GuestMemory::span(gva address, std::uint32_t length, Access access) {
    if (address.offset() + length > kPageSize) return nullptr;
    const gpa at = TRY(translate(address, access));
    if (!plain(at)) return nullptr;
    touched(address, length, access);
    if (access.write && observer_) observer_->ram_written(at.page_base());
    return ram_ + at.value;
}

std::uint32_t GuestMemory::read_physical(gpa address, unsigned width) {
    if (is_mmio(address.page_base())) return mmio_->mmio_read(address, width);
    // RAM ends on a page boundary, and callers stay inside one page.
    if (!is_ram(address)) return ones(width);
    return load_little_endian(ram_ + address.value, width);
}

void GuestMemory::write_physical(gpa address, unsigned width, std::uint32_t value) {
    if (is_mmio(address.page_base())) return mmio_->mmio_write(address, width, value & ones(width));
    if (!is_ram(address)) return;
    store_little_endian(ram_ + address.value, width, value);
    if (observer_) observer_->ram_written(address.page_base());
}

}  // namespace ringpress
