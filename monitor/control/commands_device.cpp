// Commands about the devices: info pic, i, o, sendkey, screendump.
#include <fmt/format.h>

#include <stdexcept>

#include "monitor/control/expression.hpp"
#include "monitor/control/human_monitor.hpp"
#include "monitor/control/key_names.hpp"
#include "monitor/control/screenshot.hpp"
#include "monitor/text_display.hpp"

namespace ringpress {

namespace {

std::string chip_line(unsigned number, const Pic8259Chip& chip) {
    return fmt::format(
        "pic{}: irr={:02x} imr={:02x} isr={:02x} hprio={} irq_base={:02x} rr_sel={} elcr={:02x} fnm={}\n",
        number, chip.irr, chip.imr, chip.isr, chip.top & 7, chip.vector_base, chip.read_isr & 1, chip.elcr,
        chip.fully_nested_special & 1);
}

/// A redirection entry: 82093AA datasheet, section 3.2.4.
std::string pin_line(unsigned pin, std::uint64_t entry) {
    constexpr const char* kModes[8] = {"fixed", "lowest", "SMI", "...", "NMI", "INIT", "...", "extINT"};
    return fmt::format("  pin {:<2} {:#018x} dest={:x} vec={:<3} active-{} {:<5} {:<6} {:<6} {}\n", pin,
                       entry, entry >> 56, entry & 0xFF, entry >> 13 & 1 ? "lo" : "hi",
                       entry >> 15 & 1 ? "level" : "edge", entry >> 16 & 1 ? "masked" : "",
                       kModes[entry >> 8 & 7], entry >> 11 & 1 ? "logical" : "physical");
}

std::string pin_list(const char* name, std::uint32_t pins) {
    std::string text = fmt::format("{:<10} ", name);
    if (pins == 0) text += "(none)";
    for (unsigned pin = 0; pin < kIoApicPins; ++pin)
        if (pins >> pin & 1) text += fmt::format("{} ", pin);
    return text + "\n";
}

std::string io_apic(const IoApicState& s) {
    constexpr std::uint32_t kFirstEntry = 0x10;
    std::string text =
        fmt::format("ioapic0: ver=0x20 id=0x{:02x} sel=0x{:02x}", s.id >> 24 & 15, s.index & 0xFF);
    text += s.index >= kFirstEntry ? fmt::format(" (redir[{}])\n", (s.index - kFirstEntry) >> 1) : "\n";
    std::uint32_t remote = 0;
    for (unsigned pin = 0; pin < kIoApicPins; ++pin) {
        text += pin_line(pin, s.entries[pin]);
        if (s.entries[pin] >> 14 & 1) remote |= 1u << pin;
    }
    return text + pin_list("  IRR", s.lines & ((1u << kIoApicPins) - 1)) + pin_list("  Remote IRR", remote);
}

std::string pic(MonitorSession& session, std::string_view) {
    const DeviceState& devices = session.machine.arena().devices;
    const std::string apic = session.machine.config().board == Board::pc ? io_apic(devices.io_apic) : "";
    return apic + chip_line(1, devices.pic.slave) + chip_line(0, devices.pic.master);
}

char size_letter(unsigned bytes) {
    return bytes == 1 ? 'b' : bytes == 2 ? 'w' : 'l';
}
/// What `i` and `o` begin with: a size, and the port.
MemoryFormat take_port(MonitorSession& session, std::string_view& arguments, std::uint16_t& port) {
    MemoryFormat format = take_memory_format(arguments, session.last_format);
    if (format.size > 4) format.size = 4;
    port = static_cast<std::uint16_t>(take_expression(arguments, session.machine.guest().cpu()));
    return format;
}

std::string in(MonitorSession& session, std::string_view arguments) {
    std::uint16_t port = 0;
    const MemoryFormat format = take_port(session, arguments, port);
    const std::uint32_t value = session.machine.port_in(port, format.size);
    return fmt::format("port{}[0x{:04x}] = 0x{:0{}x}\n", size_letter(format.size), port, value,
                       format.size * 2);
}

std::string out(MonitorSession& session, std::string_view arguments) {
    std::uint16_t port = 0;
    const MemoryFormat format = take_port(session, arguments, port);
    const auto value = static_cast<std::uint32_t>(take_expression(arguments, session.machine.guest().cpu()));
    session.machine.port_out(port, format.size, value);
    return {};
}

std::string sendkey(MonitorSession& session, std::string_view arguments) {
    const std::string keys(arguments.substr(0, arguments.find(' ')));
    if (!session.machine.send_scan_codes(scan_codes_of_keys(keys)))
        throw std::runtime_error("the guest's keyboard buffer is full: it reads no keys");
    return {};
}

std::string screendump(MonitorSession& session, std::string_view file) {
    if (file.empty()) throw std::runtime_error("screendump needs a file: screendump FILE.png");
    if (file.ends_with(" -f png")) file.remove_suffix(7);
    const std::span<const std::uint8_t> ram = session.machine.guest().ram();
    if (ram.size() < TextDisplay::kVideoMemory + TextDisplay::kVideoMemoryBytes)
        throw std::runtime_error("the guest has no video memory");
    write_png(draw_text_screen(session.machine.arena().devices.vga,
                               ram.subspan(TextDisplay::kVideoMemory, TextDisplay::kVideoMemoryBytes)),
              std::string(file));
    return {};
}

constexpr MonitorCommand kCommands[] = {
    {"info pic", "", "show PIC state", pic},
    {"i", "/fmt addr", "I/O port read", in},
    {"o", "/fmt addr value", "I/O port write", out},
    {"sendkey", "keys", "send keys to the VM (e.g. 'sendkey ctrl-alt-f1')", sendkey, false},
    {"screendump", "filename", "save the text screen into a PNG image 'filename'", screendump},
};

}  // namespace

std::span<const MonitorCommand> device_commands() {
    return kCommands;
}

}  // namespace ringpress
