#include "monitor/devices/pic8259.hpp"

namespace ringpress {
namespace {

constexpr unsigned kCascade = 2;
/// System timer, keyboard, cascade; RTC and FPU error are always edge triggered.
constexpr std::uint8_t kElcrWritable[2] = {0xF8, 0xDE};

/// Rank of the highest-priority input in mask, 0 (highest) to 7, or 8 if mask is empty.
unsigned rank(const Pic8259Chip& chip, unsigned mask) {
    for (unsigned r = 0; r < 8; ++r)
        if (mask & (1u << ((r + chip.top) & 7u))) return r;
    return 8;
}

void clear(std::uint8_t& mask, unsigned bit) {
    mask = static_cast<std::uint8_t>(mask & ~(1u << bit));
}
void raise(std::uint8_t& mask, unsigned bit) {
    mask = static_cast<std::uint8_t>(mask | (1u << bit));
}

}  // namespace

void Pic8259::power_on() {
    s_ = {};
    s_.master.vector_base = 0x08;
    s_.slave.vector_base = 0x70;
    s_.master.imr = 0xB8;  // timer, keyboard, cascade and floppy are served by the BIOS
    s_.slave.imr = 0x8E;   // RTC, mouse, FPU error and the first disk channel
}

/// The input whose request the chip passes on, or -1: it must outrank everything in service.
int Pic8259::request(const Pic8259Chip& chip) const {
    const unsigned wanted = rank(chip, chip.irr & ~chip.imr & 0xFFu);
    if (wanted == 8) return -1;
    unsigned serving = chip.isr;
    if (chip.special_mask) serving &= ~chip.imr;
    // Special fully nested mode: the slave may interrupt its own service (8259A datasheet, same-named
    // section).
    if (chip.fully_nested_special && &chip == &s_.master) serving &= ~(1u << kCascade);
    return wanted < rank(chip, serving) ? static_cast<int>((wanted + chip.top) & 7u) : -1;
}

void Pic8259::accept(Pic8259Chip& chip, unsigned input) {
    if (!chip.auto_eoi)
        raise(chip.isr, input);
    else if (chip.rotate_on_auto_eoi)
        chip.top = (input + 1) & 7u;
    if (!(chip.elcr & (1u << input))) clear(chip.irr, input);
}

void Pic8259::drive(Pic8259Chip& chip, unsigned input, bool level) {
    const unsigned bit = 1u << input;
    // An edge stays latched after the line falls: the guest sees its interrupt, not a spurious IR7, when a
    // device withdraws.  Level-triggered requests follow the line.
    if (level && ((chip.elcr & bit) || !(chip.lines & bit))) raise(chip.irr, input);
    if (!level && (chip.elcr & bit)) clear(chip.irr, input);
    if (level)
        raise(chip.lines, input);
    else
        clear(chip.lines, input);
}

void Pic8259::set_line(unsigned irq, bool level) {
    if (irq == kCascade || irq > 15) return;
    drive(chip(irq >> 3), irq & 7u, level);
    update();
}

/// Recomputes both INT outputs.  IR2 of the master follows the slave's output directly.
void Pic8259::update() {
    if (request(s_.slave) >= 0)
        raise(s_.master.irr, kCascade);
    else
        clear(s_.master.irr, kCascade);
    s_.intr = request(s_.master) >= 0;
}

std::uint8_t Pic8259::acknowledge() {
    const int input = request(s_.master);
    std::uint8_t vector = static_cast<std::uint8_t>(s_.master.vector_base + 7);
    if (input == static_cast<int>(kCascade)) {
        const int behind = request(s_.slave);
        vector = static_cast<std::uint8_t>(s_.slave.vector_base + (behind < 0 ? 7 : behind));
        if (behind >= 0) accept(s_.slave, static_cast<unsigned>(behind));
    } else if (input >= 0) {
        vector = static_cast<std::uint8_t>(s_.master.vector_base + input);
    }
    if (input >= 0) accept(s_.master, static_cast<unsigned>(input));
    update();
    return vector;
}

/// Poll command: the next read acknowledges and tells the input (8259A datasheet, "Poll Command").
std::uint8_t Pic8259::poll(unsigned chip_number) {
    Pic8259Chip& c = chip(chip_number);
    c.poll = 0;
    const int input = request(c);
    if (input < 0) return 0;
    accept(c, static_cast<unsigned>(input));
    if (chip_number) accept(s_.master, kCascade);
    update();
    return static_cast<std::uint8_t>(0x80 | input);
}

std::uint8_t Pic8259::read(unsigned chip_number, unsigned address) {
    Pic8259Chip& c = chip(chip_number);
    if (c.poll) return poll(chip_number);
    if (address) return c.imr;
    return c.read_isr ? c.isr : c.irr;
}

/// ICW1 resets the edge detectors, the mask, the priorities and the modes; the trigger register is not the
/// chip's.
void Pic8259::initialise(Pic8259Chip& c, std::uint8_t icw1) {
    Pic8259Chip fresh;
    fresh.elcr = c.elcr;
    fresh.irr = c.irr & c.elcr;
    fresh.vector_base = c.vector_base;
    fresh.needs_icw4 = icw1 & 1u;
    fresh.single = (icw1 >> 1) & 1u;
    fresh.init_step = 2;
    c = fresh;
}

void Pic8259::command(Pic8259Chip& c, std::uint8_t ocw2) {
    const unsigned level = ocw2 & 7u;
    switch (ocw2 >> 5) {
        case 0:
        case 4: c.rotate_on_auto_eoi = ocw2 >> 7; break;
        case 1:    // non-specific EOI; in special mask mode masked inputs stay in service
        case 5: {  // and rotate
            const unsigned r = rank(c, c.special_mask ? c.isr & ~c.imr & 0xFFu : c.isr);
            if (r == 8) break;
            const unsigned input = (r + c.top) & 7u;
            clear(c.isr, input);
            if (ocw2 & 0x80) c.top = (input + 1) & 7u;
            break;
        }
        case 3: clear(c.isr, level); break;
        case 6: c.top = (level + 1) & 7u; break;
        case 7:
            clear(c.isr, level);
            c.top = (level + 1) & 7u;
            break;
        default: break;  // OCW2 010: no operation
    }
}

void Pic8259::write(unsigned chip_number, unsigned address, std::uint8_t value) {
    Pic8259Chip& c = chip(chip_number);
    if (address == 0) {
        if (value & 0x10) {
            initialise(c, value);
        } else if (value & 0x08) {  // OCW3
            if (value & 0x04) c.poll = 1;
            if (value & 0x02) c.read_isr = value & 1u;
            if (value & 0x40) c.special_mask = (value >> 5) & 1u;
        } else {
            command(c, value);
        }
    } else {
        switch (c.init_step) {
            case 2:
                c.vector_base = value & 0xF8u;
                c.init_step = c.single ? (c.needs_icw4 ? 4 : 0) : 3;
                break;
            case 3:  // how the chips are cascaded is fixed by the board
                c.init_step = c.needs_icw4 ? 4 : 0;
                break;
            case 4:
                c.auto_eoi = (value >> 1) & 1u;
                c.fully_nested_special = (value >> 4) & 1u;
                c.init_step = 0;
                break;
            default: c.imr = value; break;
        }
    }
    update();
}

std::uint8_t Pic8259::read_elcr(unsigned chip_number) const {
    return chip_number & 1u ? s_.slave.elcr : s_.master.elcr;
}

void Pic8259::write_elcr(unsigned chip_number, std::uint8_t value) {
    chip(chip_number & 1u).elcr = value & kElcrWritable[chip_number & 1u];
    update();
}

}  // namespace ringpress
