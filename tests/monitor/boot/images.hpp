// Kernel images made in memory, valid to begin with, for the loaders' tests to bend.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "monitor/boot/elf.hpp"
#include "monitor/boot/loader.hpp"
#include "monitor/boot/multiboot.hpp"

namespace ringpress::test {

using Bytes = std::vector<std::byte>;

template <class T>
void put(Bytes& bytes, std::size_t at, T value) {
    if (bytes.size() < at + sizeof value) bytes.resize(at + sizeof value);
    std::memcpy(bytes.data() + at, &value, sizeof value);
}
template <class T>
T get(std::span<const std::byte> bytes, std::size_t at) {
    T value;
    std::memcpy(&value, bytes.subspan(at, sizeof value).data(), sizeof value);
    return value;
}
inline std::string text(std::span<const std::byte> bytes, std::size_t at) {
    std::string out;
    for (; at < bytes.size() && bytes[at] != std::byte{0}; ++at) out += static_cast<char>(bytes[at]);
    return out;
}

struct Segment {
    std::uint32_t physical, linear, file_bytes, memory_bytes;
    bool executable;
};

/// An ELF executable whose segment number i is filled with the byte 0x11 * (i + 1).
inline Bytes elf_image(std::uint32_t entry, const std::vector<Segment>& segments) {
    Bytes image;
    Elf32Header header{};
    const std::uint8_t ident[] = {0x7F, 'E', 'L', 'F', 1, 1, 1};
    std::memcpy(header.ident, ident, sizeof ident);
    header.type = 2;
    header.machine = 3;
    header.version = 1;
    header.entry = entry;
    header.phoff = sizeof header;
    header.ehsize = sizeof header;
    header.phentsize = sizeof(Elf32ProgramHeader);
    header.phnum = static_cast<std::uint16_t>(segments.size());
    put(image, 0, header);
    std::uint32_t offset = 0x200;
    for (std::size_t i = 0; i < segments.size(); ++i) {
        const Segment& s = segments[i];
        put(image, sizeof header + i * sizeof(Elf32ProgramHeader),
            Elf32ProgramHeader{1, offset, s.linear, s.physical, s.file_bytes, s.memory_bytes,
                               s.executable ? 5u : 6u, 0x1000});
        image.resize(std::max<std::size_t>(image.size(), offset + s.file_bytes));
        std::memset(image.data() + offset, static_cast<int>(0x11 * (i + 1)), s.file_bytes);
        offset += s.file_bytes;
    }
    return image;
}

/// Two segments at 1 MiB, text and data with .bss, linked at their physical addresses.
inline Bytes plain_elf() {
    return elf_image(0x100010,
                     {{0x100000, 0x100000, 0x300, 0x300, true}, {0x101000, 0x101000, 0x80, 0x2000, false}});
}

inline void put_multiboot_header(Bytes& image, std::size_t at, std::uint32_t flags) {
    put(image, at, multiboot::kHeaderMagic);
    put(image, at + 4, flags);
    put(image, at + 8, 0u - multiboot::kHeaderMagic - flags);
}

inline Bytes multiboot_elf(std::uint32_t flags = multiboot::kPageAlign | multiboot::kMemoryInfo) {
    Bytes image = plain_elf();
    put_multiboot_header(image, 0x204, flags);
    return image;
}

/// A flat file that is loaded by the address fields of its header: 0x40 bytes before it, loaded at 1 MiB.
inline Bytes multiboot_flat() {
    Bytes image(0x800, std::byte{0x90});
    put_multiboot_header(image, 0x40, multiboot::kAddressFields);
    const std::uint32_t fields[] = {0x100040, 0x100000, 0x100700, 0x103000, 0x100060};
    for (std::size_t i = 0; i < 5; ++i) put(image, 0x4C + 4 * i, fields[i]);
    return image;
}

/// A bzImage of protocol 2.15 with one setup sector and 0x3000 bytes of protected-mode code (all 0xAB).
inline Bytes bzimage() {
    Bytes image(1024 + 0x3000, std::byte{0xAB});
    std::memset(image.data(), 0, 1024);
    put<std::uint8_t>(image, 0x1F1, 1);
    put<std::uint32_t>(image, 0x1F4, 0x3000 / 16);
    put<std::uint16_t>(image, 0x1FE, 0xAA55);
    put<std::uint16_t>(image, 0x200, 0x6AEB);
    std::memcpy(image.data() + 0x202, "HdrS", 4);
    put<std::uint16_t>(image, 0x206, 0x20F);
    put<std::uint8_t>(image, 0x211, 1);
    put<std::uint32_t>(image, 0x214, 0x100000);
    put<std::uint32_t>(image, 0x22C, 0x7FFFFFFF);
    put<std::uint32_t>(image, 0x230, 0x100000);
    put<std::uint8_t>(image, 0x234, 1);
    put<std::uint32_t>(image, 0x238, 2047);
    put<std::uint64_t>(image, 0x258, 0x200000);
    put<std::uint32_t>(image, 0x260, 0x8000);
    return image;
}

/// The one-line message of the exception that loading ends in, or "" if it succeeds.
inline std::string load_error(const Bytes& image, std::size_t ram_bytes = 4u << 20,
                              const BootOptions& options = {}) {
    Bytes ram(ram_bytes);
    try {
        load_kernel(image, ram, options);
        return "";
    } catch (const std::runtime_error& error) {
        return error.what();
    }
}

}  // namespace ringpress::test
