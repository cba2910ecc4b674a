#include "monitor/boot/multiboot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "monitor/boot/elf.hpp"
#include "monitor/boot/memory_map.hpp"

namespace ringpress {
namespace {

using namespace multiboot;

constexpr std::uint32_t kTextScreen = 0xB8000, kTextColumns = 80, kTextRows = 25;

std::uint32_t load_by_addresses(Image image, std::uint32_t header_at, RamLayout& layout) {
    const FlatImage flat = parse_address_fields(image, header_at);
    layout.claim(flat.load_addr, flat.end, "the kernel");
    layout.copy(flat.load_addr, image.subspan(flat.file_start, flat.length));
    return flat.entry;
}

std::uint32_t load_image(Image image, std::uint32_t header_at, std::uint32_t flags, RamLayout& layout) {
    if (flags & kAddressFields) return load_by_addresses(image, header_at, layout);
    if (!is_elf(image))
        throw std::runtime_error(
            "the Multiboot header has no load addresses and the file is not ELF; set bit 16 of "
            "its flags and fill them in, or link the kernel as ELF");
    const ElfProgram program = parse_elf(image);
    place_segments(program, layout);
    return program.entry;
}

/// The tables for the kernel.  They go to low memory: kernels count on finding their own first free page
/// right behind their image, or behind the last module.
class InfoTables {
  public:
    InfoTables(RamLayout& layout) : layout_(layout) {}

    std::uint32_t place(std::span<const std::byte> bytes, const char* what) {
        const auto at = layout_.take_lowest(bytes.size(), 16, 0x9000, layout_.top(), what);
        if (!at) throw std::runtime_error(fmt::format("no RAM is left for {}; give more with -m", what));
        layout_.copy(*at, bytes);
        return *at;
    }
    /// Zero-terminated.
    std::uint32_t place(const std::string& text, const char* what) {
        return place(std::as_bytes(std::span(text.c_str(), text.size() + 1)), what);
    }

  private:
    RamLayout& layout_;
};

std::vector<Module> load_modules(RamLayout& layout, InfoTables& tables, const BootOptions& options) {
    std::vector<Module> table;
    std::uint64_t from = std::max<std::uint64_t>(layout.claimed_end(), kHighMemory);
    for (const BootModule& module : options.modules) {
        // Page-aligned whether or not the header asks for it: it costs nothing and some kernels forget to
        // ask.
        const auto at = layout.take_lowest(module.bytes.size(), 4096, from, layout.top(), "a module");
        if (!at)
            throw std::runtime_error(
                fmt::format("module {} of {} KiB does not fit into {} MiB of RAM; give more with -m",
                            table.size(), (module.bytes.size() + 1023) >> 10, layout.top() >> 20));
        layout.copy(*at, module.bytes);
        const auto end = static_cast<std::uint32_t>(*at + module.bytes.size());
        table.push_back({*at, end, tables.place(module.command_line, "a module's command line"), 0});
        from = end;
    }
    return table;
}

std::vector<MapEntry> map_entries(std::uint64_t ram_bytes) {
    std::vector<MapEntry> entries;
    for (const MemoryRange& range : memory_map(ram_bytes))
        entries.push_back({sizeof(MapEntry) - sizeof(std::uint32_t), range.base, range.length,
                           static_cast<std::uint32_t>(range.type)});
    return entries;
}

void describe_text_screen(Info& info) {
    info.flags |= info::kFramebuffer;
    info.framebuffer_addr = kTextScreen;
    info.framebuffer_pitch = kTextColumns * 2;
    info.framebuffer_width = kTextColumns;
    info.framebuffer_height = kTextRows;
    info.framebuffer_bpp = 16;
    info.framebuffer_type = kFramebufferEgaText;
}

}  // namespace

FlatImage parse_address_fields(Image image, std::uint32_t header_at) {
    const auto header = field<Header>(image, header_at);
    const auto refuse = [](const std::string& what) {
        throw std::runtime_error(
            fmt::format("the addresses in the Multiboot header make no sense: {}; "
                        "correct the header",
                        what));
    };
    if (header.load_addr > header.header_addr)
        refuse(
            fmt::format("load_addr {:#x} is above header_addr {:#x}", header.load_addr, header.header_addr));
    const std::uint32_t before_header = header.header_addr - header.load_addr;
    if (before_header > header_at)
        refuse(fmt::format("{} bytes should precede the header, but only {} do", before_header, header_at));
    const std::uint32_t file_start = header_at - before_header;

    std::uint64_t length = image.size() - file_start;  // load_end_addr 0: the whole file
    if (header.load_end_addr != 0) {
        if (header.load_end_addr < header.load_addr)
            refuse(fmt::format("load_end_addr {:#x} is below load_addr {:#x}", header.load_end_addr,
                               header.load_addr));
        length = header.load_end_addr - header.load_addr;
        if (!holds(image, file_start, length))
            throw std::runtime_error(
                fmt::format("the Multiboot header asks for {} bytes from offset {} of a file of "
                            "{}: the file is truncated; get it again",
                            length, file_start, image.size()));
    }
    std::uint64_t end = header.load_addr + length;
    if (header.bss_end_addr != 0) {
        if (header.bss_end_addr < end)
            refuse(fmt::format("bss_end_addr {:#x} is below the end of the data {:#x}", header.bss_end_addr,
                               end));
        end = header.bss_end_addr;
    }
    if (header.entry_addr < header.load_addr || header.entry_addr >= end)
        refuse(fmt::format("entry_addr {:#x} is outside {:#x} to {:#x}", header.entry_addr, header.load_addr,
                           end));
    return {file_start, static_cast<std::uint32_t>(length), header.load_addr, end, header.entry_addr};
}

std::optional<std::uint32_t> find_multiboot_header(Image image) {
    const auto end = std::min<std::uint64_t>(image.size(), kSearchBytes);
    for (std::uint32_t at = 0; std::uint64_t{at} + 12 <= end; at += 4) {
        if (field<std::uint32_t>(image, at) != kHeaderMagic) continue;
        const auto flags = field<std::uint32_t>(image, at + 4),
                   checksum = field<std::uint32_t>(image, at + 8);
        if (kHeaderMagic + flags + checksum == 0) return at;
    }
    return std::nullopt;
}

BootState load_multiboot(Image image, RamLayout& layout, const BootOptions& options) {
    const std::uint32_t header_at = find_multiboot_header(image).value();
    const auto flags = field<std::uint32_t>(image, header_at + 4);
    if (const std::uint32_t unknown = flags & kRequired & ~(kPageAlign | kMemoryInfo | kVideoMode))
        throw std::runtime_error(
            fmt::format("the Multiboot header demands features that Multiboot 1 does not have "
                        "(flags {:#x}); clear these bits",
                        unknown));

    BootState state;
    state.eip = load_image(image, header_at, flags, layout);

    InfoTables tables(layout);
    Info info{};
    const std::vector<Module> modules = load_modules(layout, tables, options);
    const std::vector<MapEntry> map = map_entries(layout.top());
    info.flags = info::kMemory | info::kBootDevice | info::kCommandLine | info::kModules | info::kMemoryMap |
                 info::kLoaderName;
    info.mem_lower = kLowMemoryEnd >> 10;
    info.mem_upper = static_cast<std::uint32_t>((layout.top() - kHighMemory) >> 10);
    info.boot_device = 0x8000FFFF;  // first hard disk, no partition
    info.cmdline =
        tables.place(options.kernel_name + (options.command_line.empty() ? "" : " ") + options.command_line,
                     "the command line");
    info.mods_count = static_cast<std::uint32_t>(modules.size());
    info.mods_addr = tables.place(std::as_bytes(std::span(modules)), "the module table");
    info.mmap_addr = tables.place(std::as_bytes(std::span(map)), "the memory map");
    info.mmap_length = static_cast<std::uint32_t>(map.size() * sizeof(MapEntry));
    info.boot_loader_name = tables.place("ringpress", "the boot loader's name");
    if (flags & kVideoMode) describe_text_screen(info);

    const std::uint64_t gdt[] = {0, kFlatCodeDescriptor, kFlatDataDescriptor};
    state.gdtr = place_gdt(layout, gdt);
    state.reg(Gpr::eax) = kLoaderMagic;
    state.reg(Gpr::ebx) = tables.place(std::as_bytes(std::span(&info, 1)), "the Multiboot information");
    return state;
}

}  // namespace ringpress
