#include "monitor/boot/linux.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "monitor/boot/elf.hpp"
#include "monitor/boot/linux_setup.hpp"
#include "monitor/boot/memory_map.hpp"

namespace ringpress {
namespace {

constexpr std::uint64_t kLoadAddress = kHighMemory;

/// Offsets of the zero page outside the setup header (zero-page.rst).
namespace zero_page {
enum : std::uint32_t {
    cursor_row = 0x01,
    ext_mem_k = 0x02,
    video_mode = 0x06,
    video_cols = 0x07,
    video_ega_bx = 0x0A,
    video_lines = 0x0E,
    is_vga = 0x0F,
    video_points = 0x10,
    alt_mem_k = 0x1E0,
    e820_entries = 0x1E8,
    e820_table = 0x2D0,
};
}
struct __attribute__((packed)) E820Entry {
    std::uint64_t base, length;
    std::uint32_t type;
};
static_assert(sizeof(E820Entry) == 20);

/// The zero page (struct boot_params).
class ZeroPage {
  public:
    template <class T>
    void set(std::uint32_t offset, T value) {
        std::memcpy(bytes_.data() + offset, &value, sizeof value);
    }
    void copy(std::uint32_t offset, Image from) {
        std::copy(from.begin(), from.end(), bytes_.begin() + offset);
    }
    std::span<const std::byte> bytes() const { return bytes_; }

  private:
    std::array<std::byte, 4096> bytes_{};
};

/// What the setup header says, with the defaults that older protocols imply.
struct SetupHeader {
    std::uint16_t version;
    std::uint32_t end;          ///< first byte of the file behind the header
    std::uint32_t payload;      ///< offset of the protected-mode code in the file
    std::uint32_t initrd_max;   ///< highest address that the initial RAM disk may occupy
    std::uint32_t cmdline_max;  ///< without the terminating zero
    std::uint64_t run_end;      ///< end of what the kernel uses while it unpacks itself
};

SetupHeader parse_setup(Image image) {
    SetupHeader h{};
    h.version = field<std::uint16_t>(image, setup::version);
    if (h.version < 0x202)
        throw std::runtime_error(
            fmt::format("the bzImage has boot protocol {}.{:02}, ringpress needs 2.02 or later; "
                        "use a newer kernel",
                        h.version >> 8, h.version & 0xFF));
    if (!(field<std::uint8_t>(image, setup::loadflags) & setup::kLoadedHigh))
        throw std::runtime_error("the kernel is a zImage, which is loaded low; build it as bzImage");
    h.end = setup::header + field<std::uint8_t>(image, setup::jump + 1);
    if (h.version >= 0x20C && (field<std::uint8_t>(image, setup::xloadflags) & setup::kKernel64))
        throw std::runtime_error(
            "the bzImage is a 64-bit kernel; ringpress runs 32-bit x86 guests: use an i386 (686) one");

    h.payload = setup::code_offset(image);
    const std::uint64_t code_bytes = std::uint64_t{field<std::uint32_t>(image, setup::syssize)} * 16;
    // syssize is 16 bits wide before 2.04, and counts paragraphs: the last one may be incomplete.
    const bool reliable = h.version >= 0x204;
    if (h.payload >= image.size() || (reliable && code_bytes > image.size() - h.payload + 15))
        throw std::runtime_error(
            fmt::format("the bzImage is truncated: it has {} bytes, its header says {}; get it again",
                        image.size(), h.payload + (reliable ? code_bytes : 1)));

    h.initrd_max = h.version >= 0x203 ? field<std::uint32_t>(image, setup::initrd_addr_max) : 0x37FFFFFF;
    h.cmdline_max = h.version >= 0x206 ? field<std::uint32_t>(image, setup::cmdline_size) : 255;
    h.run_end = kLoadAddress + (image.size() - h.payload);
    if (h.version >= 0x20A) {
        // The kernel moves itself to where it prefers to run before it unpacks.
        const auto preferred = field<std::uint64_t>(image, setup::pref_address);
        const auto init_size = field<std::uint32_t>(image, setup::init_size);
        if (preferred >= std::uint64_t{1} << 32)
            throw std::runtime_error(fmt::format(
                "the bzImage wants to run at {:#x}, beyond 4 GiB; use an i386 kernel", preferred));
        h.run_end = std::max(h.run_end, std::max(kLoadAddress, preferred) + init_size);
    }
    return h;
}

void describe_memory(ZeroPage& page, std::uint64_t ram_bytes) {
    const std::vector<MemoryRange> map = memory_map(ram_bytes);
    std::uint32_t at = zero_page::e820_table;
    for (const MemoryRange& range : map) {
        page.set(at, E820Entry{range.base, range.length, static_cast<std::uint32_t>(range.type)});
        at += sizeof(E820Entry);
    }
    page.set(zero_page::e820_entries, static_cast<std::uint8_t>(map.size()));
    const auto above_1m = static_cast<std::uint32_t>((ram_bytes - kHighMemory) >> 10);
    page.set(zero_page::alt_mem_k, above_1m);
    page.set(zero_page::ext_mem_k, static_cast<std::uint16_t>(std::min<std::uint32_t>(above_1m, 0xFFFF)));
}

void describe_screen(ZeroPage& page) {
    page.set<std::uint8_t>(zero_page::cursor_row, 0);
    page.set<std::uint8_t>(zero_page::video_mode, 3);
    page.set<std::uint8_t>(zero_page::video_cols, 80);
    page.set<std::uint16_t>(zero_page::video_ega_bx, 3);  // 256 KiB of video memory
    page.set<std::uint8_t>(zero_page::video_lines, 25);
    page.set<std::uint8_t>(zero_page::is_vga, 1);
    page.set<std::uint16_t>(zero_page::video_points, 16);
}

void load_initrd(const SetupHeader& header, RamLayout& layout, const BootOptions& options, ZeroPage& page) {
    if (options.modules.empty()) return;
    if (options.modules.size() > 1)
        throw std::runtime_error("Linux takes one initial RAM disk; concatenate them into one file");
    const Image initrd = options.modules[0].bytes;
    const auto at =
        layout.take_highest(initrd.size(), 4096, kHighMemory, std::uint64_t{header.initrd_max} + 1, "initrd");
    if (!at)
        throw std::runtime_error(
            fmt::format("the initrd of {} KiB does not fit beside the kernel into {} MiB of RAM; "
                        "give more with -m",
                        (initrd.size() + 1023) >> 10, layout.top() >> 20));
    layout.copy(*at, initrd);
    page.set(setup::ramdisk_image, *at);
    page.set(setup::ramdisk_size, static_cast<std::uint32_t>(initrd.size()));
}

std::uint32_t take_low(RamLayout& layout, std::uint64_t size, std::uint32_t align, const char* what) {
    const auto at = layout.take_lowest(size, align, 0x10000, kLowMemoryEnd, what);
    if (!at) throw std::runtime_error(fmt::format("{} does not fit into low memory; make it shorter", what));
    return *at;
}

}  // namespace

bool is_linux_bzimage(Image image) {
    return peek<std::uint16_t>(image, setup::boot_flag) == 0xAA55 &&
           peek<std::uint32_t>(image, setup::header) == setup::kHdrS;
}

BootState load_linux(Image image, RamLayout& layout, const BootOptions& options) {
    const SetupHeader header = parse_setup(image);
    const Image code = image.subspan(header.payload);
    if (header.run_end > layout.top())
        throw std::runtime_error(
            fmt::format("the kernel needs {} MiB of RAM to unpack itself, there are {}; "
                        "give more with -m",
                        (header.run_end + 0xFFFFF) >> 20, layout.top() >> 20));
    layout.claim(kLoadAddress, header.run_end, "the kernel");
    layout.copy(kLoadAddress, code);

    ZeroPage page;
    const std::uint32_t header_end = std::min<std::uint32_t>(header.end, zero_page::e820_table);
    if (!holds(image, setup::setup_sects, header_end - setup::setup_sects))
        throw std::runtime_error("the bzImage ends within its setup header: it is truncated; get it again");
    page.copy(setup::setup_sects, image.subspan(setup::setup_sects, header_end - setup::setup_sects));
    describe_memory(page, layout.top());
    describe_screen(page);
    load_initrd(header, layout, options, page);

    if (options.command_line.size() > header.cmdline_max)
        throw std::runtime_error(
            fmt::format("the command line has {} characters, the kernel takes {}; shorten -append",
                        options.command_line.size(), header.cmdline_max));
    const std::uint32_t page_at = take_low(layout, 4096, 4096, "the zero page");
    const std::uint32_t text_at = take_low(layout, options.command_line.size() + 1, 16, "the command line");
    layout.copy(text_at,
                std::as_bytes(std::span(options.command_line.c_str(), options.command_line.size() + 1)));
    page.set(setup::cmd_line_ptr, text_at);
    page.set(setup::vid_mode, setup::kNormalVideoMode);
    page.set(setup::type_of_loader, setup::kUnknownLoader);
    page.set(setup::code32_start, static_cast<std::uint32_t>(kLoadAddress));
    layout.copy(page_at, page.bytes());

    // boot.rst, "32-bit Boot Protocol": __BOOT_CS is 0x10, __BOOT_DS 0x18; ESI points to the zero page.
    const std::uint64_t gdt[] = {0, 0, kFlatCodeDescriptor, kFlatDataDescriptor};
    BootState state;
    state.gdtr = place_gdt(layout, gdt);
    state.code_selector = 0x10;
    state.data_selector = 0x18;
    state.eip = static_cast<std::uint32_t>(kLoadAddress);
    state.reg(Gpr::esi) = page_at;
    return state;
}

}  // namespace ringpress
