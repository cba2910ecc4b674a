// The pair of Intel 8259A interrupt controllers of an AT, with the edge/level control registers of the PIIX.
// Source: Intel 8259A datasheet (order 231468); 82371AB datasheet, section 4.2.4 for the ELCR.
#pragma once

#include <cstdint>

#include "monitor/devices/device.hpp"

namespace ringpress {

/// One chip.  Bit n of every mask is input IRn.
struct Pic8259Chip {
    std::uint8_t irr = 0;          ///< requests: latched edges, and levels of level-triggered inputs
    std::uint8_t imr = 0;          ///< 1: masked
    std::uint8_t isr = 0;          ///< in service
    std::uint8_t lines = 0;        ///< last seen levels, for edge detection
    std::uint8_t elcr = 0;         ///< 1: level triggered
    std::uint8_t vector_base = 0;  ///< ICW2
    std::uint8_t top = 0;          ///< the input with the highest priority now
    std::uint8_t init_step = 0;    ///< 0: ready; else the number of the ICW that comes next
    std::uint8_t needs_icw4 = 0;
    std::uint8_t single = 0;
    std::uint8_t auto_eoi = 0;
    std::uint8_t rotate_on_auto_eoi = 0;
    std::uint8_t special_mask = 0;
    std::uint8_t fully_nested_special = 0;
    std::uint8_t read_isr = 0;  ///< OCW3: which register an even-port read shows
    std::uint8_t poll = 0;      ///< OCW3: the next read is an acknowledge
};

struct Pic8259State {
    Pic8259Chip master, slave;
    std::uint8_t intr = 0;  ///< the master's INT output
};

class Pic8259 {
  public:
    explicit Pic8259(Pic8259State& state) : s_(state) {}

    /// As a PC BIOS leaves it: vectors 0x08 and 0x70, the lines it serves itself unmasked.
    void power_on();

    /// irq 0..15; 2 is the cascade and cannot be driven.
    void set_line(unsigned irq, bool level);
    bool intr() const { return s_.intr; }

    /// The INTA cycle.  Without a request it answers as the chip does: the vector of IR7, with nothing in
    /// service.
    std::uint8_t acknowledge();
    /// The vector that IRQ 0 is delivered at.
    std::uint8_t timer_vector() const { return s_.master.vector_base; }

    /// Ports 0x20/0x21 are (0, 0/1), 0xA0/0xA1 are (1, 0/1).
    std::uint8_t read(unsigned chip, unsigned address);
    void write(unsigned chip, unsigned address, std::uint8_t value);
    std::uint8_t read_elcr(unsigned chip) const;
    void write_elcr(unsigned chip, std::uint8_t value);

  private:
    Pic8259Chip& chip(unsigned n) { return n ? s_.slave : s_.master; }
    int request(const Pic8259Chip& chip) const;
    void accept(Pic8259Chip& chip, unsigned input);
    void drive(Pic8259Chip& chip, unsigned input, bool level);
    void initialise(Pic8259Chip& chip, std::uint8_t icw1);
    void command(Pic8259Chip& chip, std::uint8_t ocw2);
    std::uint8_t poll(unsigned chip_number);
    void update();

    Pic8259State& s_;
};

/// The ports of one chip, or of the two edge/level registers.
class Pic8259Ports final : public PortDevice {
  public:
    Pic8259Ports(Pic8259& pic, unsigned chip) : pic_(pic), chip_(chip) {}
    std::uint32_t read(unsigned offset, unsigned) override { return pic_.read(chip_, offset); }
    void write(unsigned offset, unsigned, std::uint32_t value) override {
        pic_.write(chip_, offset, static_cast<std::uint8_t>(value));
    }

  private:
    Pic8259& pic_;
    unsigned chip_;
};

class ElcrPorts final : public PortDevice {
  public:
    explicit ElcrPorts(Pic8259& pic) : pic_(pic) {}
    std::uint32_t read(unsigned offset, unsigned) override { return pic_.read_elcr(offset); }
    void write(unsigned offset, unsigned, std::uint32_t value) override {
        pic_.write_elcr(offset, static_cast<std::uint8_t>(value));
    }

  private:
    Pic8259& pic_;
};

}  // namespace ringpress
