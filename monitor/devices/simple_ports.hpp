// Devices of one or two ports: the debug exit and the debug console, and the ways to end or restart the
// machine.
#pragma once

#include <cstdint>

#include "monitor/devices/device.hpp"
#include "monitor/devices/i8042.hpp"

namespace ringpress {

/// QEMU's isa-debug-exit: a write of v ends the machine with status (v << 1) | 1.
class DebugExit final : public PortDevice {
  public:
    explicit DebugExit(PowerControl& power) : power_(power) {}
    std::uint32_t read(unsigned, unsigned) override { return 0; }
    void write(unsigned, unsigned, std::uint32_t value) override {
        power_.exit_with(static_cast<int>((value << 1) | 1u));
    }

  private:
    PowerControl& power_;
};

/// The debug console of Bochs and QEMU: bytes written go out, and a read tells that it is there.
class DebugConsole final : public PortDevice {
  public:
    explicit DebugConsole(ByteChannel& channel) : channel_(channel) {}
    std::uint32_t read(unsigned, unsigned) override { return 0xE9; }
    void write(unsigned, unsigned, std::uint32_t value) override {
        channel_.send(static_cast<std::uint8_t>(value));
    }

  private:
    ByteChannel& channel_;
};

/// Port 0x92, PS/2 system control A: bit 0 resets the processor, bit 1 is the A20 gate.
class SystemControlA final : public PortDevice {
  public:
    SystemControlA(I8042& keyboard_controller, PowerControl& power)
        : i8042_(keyboard_controller), power_(power) {}
    std::uint32_t read(unsigned, unsigned) override { return i8042_.a20() ? 2u : 0u; }
    void write(unsigned, unsigned, std::uint32_t value) override {
        i8042_.set_a20(value & 2u);
        if (value & 1u) power_.reset();
    }

  private:
    I8042& i8042_;
    PowerControl& power_;
};

/// Ports 0xCF8..0xCFF of a machine without PCI: reads give ones, so that a probe of configuration mechanism 1
/// or 2 finds nothing.  Offset 1 is the PIIX's reset control register, which answers byte accesses only:
/// doubleword writes there are configuration addresses.
class ResetControl final : public PortDevice {
  public:
    explicit ResetControl(PowerControl& power) : power_(power) {}
    std::uint32_t read(unsigned, unsigned width) override { return width == 4 ? ~0u : (1u << 8 * width) - 1; }
    void write(unsigned offset, unsigned width, std::uint32_t value) override {
        if (offset == 1 && width == 1 && (value & 4u)) power_.reset();
    }

  private:
    PowerControl& power_;
};

/// Power-off without ACPI tables: the PM1a control register where QEMU has it (0x604; 0xB004 in Bochs and old
/// QEMU).  A 16-bit write of 0x2000 (SLP_EN, sleep type 0) powers off.
class PowerOffPort final : public PortDevice {
  public:
    explicit PowerOffPort(PowerControl& power) : power_(power) {}
    std::uint32_t read(unsigned, unsigned width) override { return width == 4 ? ~0u : (1u << 8 * width) - 1; }
    void write(unsigned, unsigned width, std::uint32_t value) override {
        if (width == 2 && value == 0x2000) power_.power_off();
    }

  private:
    PowerControl& power_;
};

}  // namespace ringpress
