// The board: every device of a uniprocessor PC, wired together.
//
// A Pc holds no state of its own but in the DeviceState it is given: two of them over copies of one state
// behave the same.  See late_ticks.hpp for what happens when advance() is called late.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "monitor/devices/device.hpp"
#include "monitor/devices/disk.hpp"
#include "monitor/devices/port_map.hpp"
#include "monitor/devices/simple_ports.hpp"
#include "monitor/devices/state.hpp"
#include "monitor/run_config.hpp"

namespace ringpress {

struct PcConfig {
    Board board = Board::pc;         ///< isapc has no local APIC and no I/O APIC
    std::uint32_t ram_bytes = 0;     ///< for the CMOS memory size
    std::int64_t epoch_seconds = 0;  ///< Unix time at guest time 0
    /// Empty: no drive.  Primary master and slave, then secondary.
    std::array<Disk, 4> drives = {};
    bool debug_exit = false;
    std::uint16_t debug_exit_port = 0x501;
    unsigned debug_exit_size = 2;  ///< ports, 1..4; must not overlap another device
};

/// The world around the board.
struct PcHost {
    ByteChannel& serial;    ///< COM1
    ByteChannel& debugcon;  ///< port 0xE9
    ByteChannel& keyboard;  ///< gives scan codes of set 1
    PowerControl& power;
};

class Pc final : public DeviceBus, private IrqLines, private DeviceClock, private EoiListener {
  public:
    /// Throws std::runtime_error, one line for the user, if the debug exit is where another device is.
    Pc(DeviceState& state, const PcConfig& config, const PcHost& host);
    Pc(const Pc&) = delete;
    Pc& operator=(const Pc&) = delete;

    /// Puts every device into the state in which a BIOS leaves it at the moment it starts the operating
    /// system. To be called once for a new machine, not for one whose state was restored.
    void power_on();

    bool claims(gpa page) const override;
    std::uint32_t mmio_read(gpa address, unsigned width) override;
    void mmio_write(gpa address, unsigned width, std::uint32_t value) override;
    std::uint32_t port_in(std::uint16_t port, unsigned width) override { return ports_.read(port, width); }
    void port_out(std::uint16_t port, unsigned width, std::uint32_t value) override {
        ports_.write(port, width, value);
    }
    /// The NMI button is pressed: true if that is an NMI for the processor.  Without a local APIC the button
    /// is wired to the processor, else to LINT1.
    bool nmi() { return !has_apic() || local_apic_.lint1(); }
    bool interrupt_pending() const override;
    int acknowledge_interrupt() override;
    void advance(Nanoseconds now) override;
    Nanoseconds next_deadline() const override;

  private:
    void set(unsigned irq, bool level) override;
    Nanoseconds now() const override { return s_.now; }
    std::int64_t epoch_seconds() const override { return s_.epoch_seconds; }
    void end_of_interrupt(std::uint8_t vector) override { io_apic_.end_of_interrupt(vector); }

    bool has_apic() const { return config_.board == Board::pc; }
    bool pic_reaches_cpu() const { return !has_apic() || local_apic_.passes_pic() || io_apic_.passes_pic(); }
    void map_ports();

    DeviceState& s_;
    PcConfig config_;
    Pic8259 pic_;
    Pit8254 pit_;
    SystemControlB port61_;
    RtcMc146818 rtc_;
    Uart16550 com1_;
    I8042 i8042_;
    VgaText vga_;
    IdeChannel ide_primary_, ide_secondary_;
    LocalApic local_apic_;
    IoApic io_apic_;
    Pic8259Ports pic_master_, pic_slave_;
    ElcrPorts elcr_;
    DebugExit debug_exit_;
    DebugConsole debug_console_;
    SystemControlA port92_;
    ResetControl reset_control_;
    PowerOffPort power_off_;
    PortMap ports_;
};

}  // namespace ringpress
