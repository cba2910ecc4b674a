// Multiboot Specification 0.6.96: how a boot loader and a kernel find one another.
#pragma once

#include <cstdint>
#include <optional>

#include "monitor/boot/boot_state.hpp"
#include "monitor/boot/image_reader.hpp"
#include "monitor/boot/loader.hpp"
#include "monitor/boot/ram_layout.hpp"

namespace ringpress {

namespace multiboot {
inline constexpr std::uint32_t kHeaderMagic = 0x1BADB002;
inline constexpr std::uint32_t kLoaderMagic = 0x2BADB002;  ///< in EAX at the entry point
inline constexpr std::uint32_t kSearchBytes = 8192;        ///< the header lies within the first so many bytes

/// Header flags; the low 16 bits are demands that a loader has to meet or refuse.
inline constexpr std::uint32_t kPageAlign = 1u << 0, kMemoryInfo = 1u << 1, kVideoMode = 1u << 2,
                               kAddressFields = 1u << 16, kRequired = 0xFFFF;

struct Header {
    std::uint32_t magic, flags, checksum;
    std::uint32_t header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr;  ///< with kAddressFields
};
static_assert(sizeof(Header) == 32);

/// Bits of Info::flags: which fields are valid.
namespace info {
inline constexpr std::uint32_t kMemory = 1u << 0, kBootDevice = 1u << 1, kCommandLine = 1u << 2,
                               kModules = 1u << 3, kMemoryMap = 1u << 6, kLoaderName = 1u << 9,
                               kFramebuffer = 1u << 12;
}
struct __attribute__((packed)) Info {
    std::uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr;
    std::uint32_t syms[4];
    std::uint32_t mmap_length, mmap_addr, drives_length, drives_addr, config_table, boot_loader_name,
        apm_table;
    std::uint32_t vbe_control_info, vbe_mode_info;
    std::uint16_t vbe_mode, vbe_interface_seg, vbe_interface_off, vbe_interface_len;
    std::uint64_t framebuffer_addr;
    std::uint32_t framebuffer_pitch, framebuffer_width, framebuffer_height;
    std::uint8_t framebuffer_bpp, framebuffer_type, color_info[6];
};
static_assert(sizeof(Info) == 116);
inline constexpr std::uint8_t kFramebufferEgaText = 2;

struct Module {
    std::uint32_t mod_start, mod_end, string, reserved;
};
static_assert(sizeof(Module) == 16);

/// `size` counts what follows it.
struct __attribute__((packed)) MapEntry {
    std::uint32_t size;
    std::uint64_t base, length;
    std::uint32_t type;
};
static_assert(sizeof(MapEntry) == 24);
}  // namespace multiboot

/// The one segment that a header with address fields describes.
struct FlatImage {
    std::uint32_t file_start = 0;
    std::uint32_t length = 0;     ///< in the file
    std::uint32_t load_addr = 0;  ///< physical
    std::uint64_t end = 0;        ///< physical, with .bss
    std::uint32_t entry = 0;
};
/// Throws std::runtime_error, one line, if the addresses contradict each other or the file.
FlatImage parse_address_fields(Image image, std::uint32_t header_at);

/// Where in the image a valid header (magic and checksum) starts, if there is one.
std::optional<std::uint32_t> find_multiboot_header(Image image);

/// Loads an ELF kernel, or any file whose header has the address fields (the "a.out kludge"), and its
/// modules. Throws std::runtime_error, one line, if the header demands what is not there or something does
/// not fit.
BootState load_multiboot(Image image, RamLayout& layout, const BootOptions& options);

}  // namespace ringpress
