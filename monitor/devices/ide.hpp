// One IDE channel with up to two ATA disks in PIO mode.  Source: ATA/ATAPI-6 (T13/1410D), named ATA below.
//
// A disk is a mapping of its image, so that a transfer is a copy and every command completes at once: BSY is
// never seen, and the interrupt rises before the instruction after the write of the command register.
#pragma once

#include <cstdint>

#include "monitor/devices/device.hpp"
#include "monitor/devices/disk.hpp"

namespace ringpress {

inline constexpr std::uint32_t kIdeMaxMultiple = 16;  ///< sectors per interrupt in READ and WRITE MULTIPLE

/// The register file of one drive; writes by the guest go to both drives of a channel, ATA 7.1.
struct IdeDriveState {
    std::uint8_t error = 0, status = 0;
    std::uint8_t features = 0, count = 0, lba_low = 0, lba_mid = 0, lba_high = 0, select = 0;
    /// What the registers held before their last write: the high halves of a 48-bit command.
    std::uint8_t previous_features = 0, previous_count = 0, previous_low = 0, previous_mid = 0,
                 previous_high = 0;
    std::uint8_t multiple = 0;  ///< sectors per block; 0: READ and WRITE MULTIPLE are disabled
    std::uint16_t heads = 0, sectors_per_track = 0;
    std::uint16_t cylinders = 0;
};

enum class IdeTransfer : std::uint8_t { none, read, write, identify };

struct IdeState {
    IdeDriveState drives[2];
    std::uint8_t selected = 0;   ///< 0 or 1
    std::uint8_t control = 0;    ///< device control: nIEN bit 1, SRST bit 2, HOB bit 7
    std::uint8_t interrupt = 0;  ///< INTRQ of the selected drive
    IdeTransfer transfer = IdeTransfer::none;
    std::uint8_t long_address = 0;           ///< the command is one of the 48-bit set
    std::uint8_t block = 1;                  ///< sectors per interrupt of this command
    std::uint32_t sectors_left = 0;          ///< of the command, those in the buffer included
    std::uint64_t lba = 0;                   ///< of the first sector in the buffer
    std::uint32_t position = 0, length = 0;  ///< bytes of the buffer
    std::uint8_t buffer[kIdeMaxMultiple * kSectorSize] = {};
};

class IdeChannel final : public PortDevice {
  public:
    /// An empty disk is an empty bay.  irq: 14 or 15.
    IdeChannel(IdeState& state, unsigned irq, IrqLines& lines, const Disk& master, const Disk& slave)
        : s_(state), irq_(irq), lines_(lines), disks_{master, slave} {}

    void power_on();
    /// Offsets 0..7 are the command block (0: data, 2 or 4 bytes wide); 8 is the control block's register.
    std::uint32_t read(unsigned offset, unsigned width) override;
    void write(unsigned offset, unsigned width, std::uint32_t value) override;

    /// The 256 words of IDENTIFY DEVICE.
    static void identify(const IdeDriveState& drive, std::uint64_t sectors,
                         std::uint8_t (&into)[kSectorSize]);

  private:
    IdeDriveState& drive() { return s_.drives[s_.selected & 1u]; }
    Disk& disk() { return disks_[s_.selected & 1u]; }
    const Disk& disk() const { return disks_[s_.selected & 1u]; }
    std::uint64_t sectors(unsigned n) const { return disks_[n].sectors(); }
    bool empty() const { return disks_[0].empty() && disks_[1].empty(); }
    /// Nobody answers for the selected drive: a channel without drives, or a master alone, whose answer for
    /// the absent slave is silence (ATA 9.16.1).  What a slave alone does about its absent master is left
    /// open (9.16.2); here, as in QEMU, the master is ready and aborts every command, so that drivers which
    /// wait for the first drive before they look for the second come to an end.
    bool silent() const { return empty() || (s_.selected && disk().empty()); }

    std::uint32_t read_data(unsigned width);
    void write_data(unsigned width, std::uint32_t value);
    std::uint8_t read_register(unsigned offset);
    void write_register(unsigned offset, std::uint8_t value);
    void write_control(std::uint8_t value);
    void reset_drives();
    void set_signature(IdeDriveState& d);

    void command(std::uint8_t code);
    void start(IdeTransfer transfer, bool long_address, unsigned block);
    void verify(bool long_address);
    bool locate(bool long_address);
    void set_features();
    void load_block();
    void block_done();
    void store_address(std::uint64_t lba);
    void complete();
    void fail(std::uint8_t error);
    void raise();
    void update();

    IdeState& s_;
    unsigned irq_;
    IrqLines& lines_;
    Disk disks_[2];
};

}  // namespace ringpress
