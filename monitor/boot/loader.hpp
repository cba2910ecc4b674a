// From the bytes of a kernel to a guest that is ready to run: picks the boot protocol and carries it out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "monitor/boot/boot_state.hpp"

namespace ringpress {

enum class KernelKind : std::uint8_t { multiboot, linux_bzimage, elf };

/// A Multiboot module, or Linux' initial RAM disk.
struct BootModule {
    std::span<const std::byte> bytes;
    std::string command_line;  ///< Multiboot: "file arguments", as the guest shall see it
};

struct BootOptions {
    std::string kernel_name;   ///< names the kernel in messages, and starts a Multiboot command line
    std::string command_line;  ///< -append
    std::vector<BootModule> modules;
    unsigned hard_disks = 0;  ///< for the BIOS data area
};

/// Which boot protocol an image asks for.  Throws std::runtime_error, one line, for anything else; where the
/// image is something well known (a disk image, a compressed kernel, ...) the line says what to do.
KernelKind detect_kernel(std::span<const std::byte> image);

/// Loads a kernel and its modules into RAM, writes the tables of its boot protocol and the BIOS data area.
///
/// ram: all of guest RAM from physical address 0, zero-filled; pages that stay zero are not touched.
/// Throws std::runtime_error with one line, starting with kernel_name, if the image is bad or does not fit.
BootState load_kernel(std::span<const std::byte> image, std::span<std::byte> ram, const BootOptions& options);

}  // namespace ringpress
