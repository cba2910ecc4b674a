#include "monitor/boot/loader.hpp"

#include <fmt/format.h>

#include <cstring>
#include <stdexcept>
#include <string_view>

#include "monitor/boot/bios_data.hpp"
#include "monitor/boot/elf.hpp"
#include "monitor/boot/image_reader.hpp"
#include "monitor/boot/linux.hpp"
#include "monitor/boot/multiboot.hpp"
#include "monitor/boot/ram_layout.hpp"

namespace ringpress {
namespace {

bool has_text(Image image, std::uint64_t offset, std::string_view text) {
    return holds(image, offset, text.size()) &&
           std::memcmp(image.data() + offset, text.data(), text.size()) == 0;
}

/// What a file that is no kernel of ours may be, and what its owner can do.
[[noreturn]] void explain_unknown(Image image) {
    using namespace std::string_view_literals;
    if (image.empty()) throw std::runtime_error("the file is empty; give a kernel");
    if (has_text(image, 0, "\x1F\x8B"sv))
        throw std::runtime_error("the file is compressed with gzip; unpack it first: gzip -d");
    if (has_text(image, 0,
                 "\xFD"
                 "7zXZ"sv))
        throw std::runtime_error("the file is compressed with xz; unpack it first: xz -d");
    if (has_text(image, 0x8001, "CD001"sv))
        throw std::runtime_error("the file is a CD image; ringpress starts kernels: give the kernel in it");
    if (has_text(image, 0, "MZ"sv))
        throw std::runtime_error("the file is a DOS, Windows or EFI program; give an ELF or bzImage kernel");
    for (std::uint64_t at = 0; at < 32768; at += 8)
        if (peek<std::uint32_t>(image, at) == 0xE85250D6u)
            throw std::runtime_error("the kernel has a Multiboot 2 header only; build it for Multiboot 1");
    if (peek<std::uint16_t>(image, 510) == 0xAA55)
        throw std::runtime_error(
            "the file is a boot sector or disk image; ringpress starts kernels: give an ELF or bzImage "
            "kernel");
    throw std::runtime_error(
        "the file is no kernel that ringpress knows; give a Multiboot 1 kernel, a Linux bzImage "
        "or a 32-bit x86 ELF executable");
}

BootState load(Image image, RamLayout& layout, const BootOptions& options) {
    switch (detect_kernel(image)) {
        case KernelKind::linux_bzimage: return load_linux(image, layout, options);
        case KernelKind::multiboot: return load_multiboot(image, layout, options);
        case KernelKind::elf: break;
    }
    if (!options.modules.empty())
        throw std::runtime_error("a plain ELF kernel has no use for -initrd; give it a Multiboot header");
    return load_plain_elf(image, layout);
}

}  // namespace

KernelKind detect_kernel(Image image) {
    if (is_linux_bzimage(image)) return KernelKind::linux_bzimage;
    if (find_multiboot_header(image)) return KernelKind::multiboot;
    if (is_elf(image)) return KernelKind::elf;
    explain_unknown(image);
}

BootState load_kernel(Image image, std::span<std::byte> ram, const BootOptions& options) {
    try {
        RamLayout layout(ram);
        const BootState state = load(image, layout, options);
        // Last, because a kernel that is linked over the BIOS data area has the say there.
        write_bios_data(layout, options.hard_disks);
        return state;
    } catch (const std::runtime_error& error) {
        if (options.kernel_name.empty()) throw;
        throw std::runtime_error(fmt::format("{}: {}", options.kernel_name, error.what()));
    }
}

}  // namespace ringpress
