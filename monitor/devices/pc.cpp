#include "monitor/devices/pc.hpp"

#include <algorithm>
#include <stdexcept>

namespace ringpress {

Pc::Pc(DeviceState& state, const PcConfig& config, const PcHost& host)
    : s_(state),
      config_(config),
      pic_(s_.pic),
      pit_(s_.pit, *this, *this),
      port61_(s_.pit, pit_, *this),
      rtc_(s_.rtc, *this, *this),
      com1_(s_.com1, 4, *this, *this, host.serial),
      i8042_(s_.i8042, *this, *this, host.keyboard, host.power),
      vga_(s_.vga, *this),
      ide_primary_(s_.ide[0], 14, *this, config.drives[0], config.drives[1]),
      ide_secondary_(s_.ide[1], 15, *this, config.drives[2], config.drives[3]),
      local_apic_(s_.local_apic, *this, *this),
      io_apic_(s_.io_apic, local_apic_),
      pic_master_(pic_, 0),
      pic_slave_(pic_, 1),
      elcr_(pic_),
      debug_exit_(host.power),
      debug_console_(host.debugcon),
      port92_(i8042_, host.power),
      reset_control_(host.power),
      power_off_(host.power) {
    map_ports();
}

void Pc::map_ports() {
    ports_.add(0x20, 2, pic_master_);
    ports_.add(0x40, 4, pit_);
    ports_.add(0x60, 1, i8042_, 1, 0);
    ports_.add(0x61, 1, port61_);
    ports_.add(0x64, 1, i8042_, 1, 1);
    ports_.add(0x70, 2, rtc_);
    ports_.add(0x92, 1, port92_);
    ports_.add(0xA0, 2, pic_slave_);
    ports_.add(0xE9, 1, debug_console_);
    ports_.add(0x1F0, 1, ide_primary_, 4, 0);
    ports_.add(0x1F1, 7, ide_primary_, 1, 1);
    ports_.add(0x3F6, 1, ide_primary_, 1, 8);
    ports_.add(0x170, 1, ide_secondary_, 4, 0);
    ports_.add(0x171, 7, ide_secondary_, 1, 1);
    ports_.add(0x376, 1, ide_secondary_, 1, 8);
    ports_.add(0x3B0, 12, vga_, 1, 0x00);  // 0x3BC is where a printer port would be
    ports_.add(0x3C0, 32, vga_, 1, 0x10);
    ports_.add(0x3F8, 8, com1_);
    ports_.add(0x4D0, 2, elcr_);
    ports_.add(0x604, 2, power_off_, 2);
    ports_.add(0xB004, 2, power_off_, 2);
    ports_.add(0xCF8, 8, reset_control_, 4);
    if (!config_.debug_exit) return;
    // Where it goes is the user's choice, so a clash is the user's error and not ours.
    for (unsigned i = 0; i < config_.debug_exit_size; ++i)
        if (config_.debug_exit_port + i > 0xFFFF ||
            ports_.claimed(static_cast<std::uint16_t>(config_.debug_exit_port + i)))
            throw std::runtime_error(
                "isa-debug-exit: its I/O ports belong to another device; choose another iobase");
    if (config_.debug_exit_size < 1 || config_.debug_exit_size > 4)
        throw std::runtime_error("isa-debug-exit: iosize must be 1 to 4");
    ports_.add(config_.debug_exit_port, config_.debug_exit_size, debug_exit_, 4);
}

void Pc::power_on() {
    s_ = {};
    s_.epoch_seconds = config_.epoch_seconds;
    CmosContents cmos;
    cmos.ram_bytes = config_.ram_bytes;
    for (unsigned i = 0; i < 2; ++i) cmos.drive_sectors[i] = config_.drives[i].sectors();
    local_apic_.power_on();
    io_apic_.power_on();
    pit_.power_on();
    rtc_.power_on(cmos);
    com1_.power_on();
    i8042_.power_on();
    vga_.power_on();
    ide_primary_.power_on();
    ide_secondary_.power_on();
    pic_.power_on();  // last: the edges of the others' first levels are history
}

/// An ISA interrupt line reaches the 8259 and the I/O APIC; IRQ 0 has input 2 of the latter, since input 0
/// belongs to the 8259.  Devices that repeat a level cost nothing here, but a repeated high level is passed
/// to the 8259: after ICW1 has reset its edge detectors it counts as an edge, as under QEMU.
void Pc::set(unsigned irq, bool level) {
    const std::uint32_t bit = 1u << irq;
    const bool was = s_.irq_levels & bit;
    if (!level && !was) return;
    s_.irq_levels = level ? s_.irq_levels | bit : s_.irq_levels & ~bit;
    pic_.set_line(irq, level);
    if (has_apic() && level != was) io_apic_.set_line(irq == 0 ? IoApic::kTimerPin : irq, level);
}

bool Pc::interrupt_pending() const {
    if (has_apic() && local_apic_.pending()) return true;
    return pic_.intr() && pic_reaches_cpu();
}

/// The local APIC's own requests come first; what ExtINT passes through has no priority in it.
int Pc::acknowledge_interrupt() {
    if (has_apic() && local_apic_.pending()) {
        const int vector = local_apic_.acknowledge();
        if (vector == io_apic_.timer_vector()) pit_.acknowledged();
        return vector;
    }
    if (!pic_.intr() || !pic_reaches_cpu()) return -1;
    const int vector = pic_.acknowledge();
    if (vector == pic_.timer_vector()) pit_.acknowledged();
    return vector;
}

void Pc::advance(Nanoseconds now) {
    s_.now = std::max(s_.now, now);  // time does not run backwards
    pit_.advance();
    if (has_apic()) local_apic_.advance();
    rtc_.advance();
    com1_.advance();
    i8042_.advance();
}

Nanoseconds Pc::next_deadline() const {
    Nanoseconds d = std::min({pit_.deadline(), rtc_.deadline(), com1_.deadline(), i8042_.deadline()});
    if (has_apic()) d = std::min(d, s_.local_apic.deadline);
    return d;
}

bool Pc::claims(gpa page) const {
    return has_apic() &&
           (page.page_base().value == LocalApic::kBase || page.page_base().value == IoApic::kBase);
}

std::uint32_t Pc::mmio_read(gpa address, unsigned width) {
    const unsigned offset = address.offset();
    return address.page_base().value == LocalApic::kBase ? local_apic_.read(offset, width)
                                                         : io_apic_.read(offset, width);
}

void Pc::mmio_write(gpa address, unsigned width, std::uint32_t value) {
    const unsigned offset = address.offset();
    if (address.page_base().value == LocalApic::kBase)
        local_apic_.write(offset, width, value);
    else
        io_apic_.write(offset, width, value);
}

}  // namespace ringpress
