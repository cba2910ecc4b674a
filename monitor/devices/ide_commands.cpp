// ATA commands, ATA/ATAPI-6 clause 8.
#include <algorithm>
#include <cstring>

#include "monitor/devices/ide.hpp"
#include "monitor/devices/ide_bits.hpp"

namespace ringpress {

using namespace ide;

void IdeChannel::complete() {
    IdeDriveState& d = drive();
    s_.transfer = IdeTransfer::none;
    d.status = kReady | kSeekComplete;
    raise();
}

void IdeChannel::fail(std::uint8_t error) {
    IdeDriveState& d = drive();
    s_.transfer = IdeTransfer::none;
    s_.position = s_.length = 0;
    d.error = error;
    d.status = kReady | kSeekComplete | kError;
    raise();
}

/// Works out lba and sectors_left from the registers; false if they reach beyond the disk.
bool IdeChannel::locate(bool long_address) {
    const IdeDriveState& d = drive();
    const std::uint64_t size = sectors(s_.selected & 1u);
    s_.long_address = long_address;
    if (long_address) {
        s_.lba = d.lba_low | static_cast<std::uint64_t>(d.lba_mid) << 8 |
                 static_cast<std::uint64_t>(d.lba_high) << 16 |
                 static_cast<std::uint64_t>(d.previous_low) << 24 |
                 static_cast<std::uint64_t>(d.previous_mid) << 32 |
                 static_cast<std::uint64_t>(d.previous_high) << 40;
        const std::uint32_t n = d.count | d.previous_count << 8;
        s_.sectors_left = n ? n : 65536;
    } else {
        s_.sectors_left = d.count ? d.count : 256;
        if (d.select & kLba) {
            s_.lba = d.lba_low | d.lba_mid << 8 | d.lba_high << 16 | (d.select & 15u) << 24;
        } else {
            const std::uint32_t cylinder = d.lba_mid | d.lba_high << 8;
            if (d.lba_low == 0) return false;  // sectors are counted from one
            s_.lba =
                (static_cast<std::uint64_t>(cylinder) * d.heads + (d.select & 15u)) * d.sectors_per_track +
                d.lba_low - 1;
        }
    }
    return s_.lba < size && s_.sectors_left <= size - s_.lba;
}

/// The address registers follow the transfer, in the form the command used.
void IdeChannel::store_address(std::uint64_t lba) {
    IdeDriveState& d = drive();
    const auto byte = [](std::uint64_t v) { return static_cast<std::uint8_t>(v); };
    if (s_.long_address || (d.select & kLba)) {
        d.lba_low = byte(lba);
        d.lba_mid = byte(lba >> 8);
        d.lba_high = byte(lba >> 16);
        if (s_.long_address) {
            d.previous_low = byte(lba >> 24);
            d.previous_mid = byte(lba >> 32);
            d.previous_high = byte(lba >> 40);
        } else {
            d.select = static_cast<std::uint8_t>((d.select & 0xF0) | (lba >> 24 & 15u));
        }
        return;
    }
    const std::uint64_t per_track = std::max<std::uint64_t>(d.sectors_per_track, 1);
    const std::uint64_t heads = std::max<std::uint64_t>(d.heads, 1);
    const std::uint64_t track = lba / per_track, cylinder = track / heads;
    d.lba_low = byte(lba % per_track + 1);
    d.lba_mid = byte(cylinder);
    d.lba_high = byte(cylinder >> 8);
    d.select = static_cast<std::uint8_t>((d.select & 0xF0) | (track % heads & 15u));
}

/// Fills the buffer (or makes room in it) for the next block of a transfer.
void IdeChannel::load_block() {
    const std::uint32_t n = std::min<std::uint32_t>({s_.sectors_left, s_.block, kIdeMaxMultiple});
    s_.position = 0;
    s_.length = n * kSectorSize;
    if (s_.transfer == IdeTransfer::read) {
        if (s_.lba >= disk().sectors() || n > disk().sectors() - s_.lba) return fail(kIdNotFound);
        disk().read(s_.lba, s_.buffer, n);
    }
    drive().status = kReady | kSeekComplete | kDataRequest;
}

/// The guest has moved the last byte of a block.
void IdeChannel::block_done() {
    if (s_.transfer == IdeTransfer::identify) {
        s_.transfer = IdeTransfer::none;
        drive().status = kReady | kSeekComplete;
        return;
    }
    const std::uint32_t n = std::min(s_.length / kSectorSize, s_.sectors_left);
    if (s_.transfer == IdeTransfer::write) {
        const std::uint32_t filled = std::min(s_.length / kSectorSize, kIdeMaxMultiple);
        if (s_.lba >= disk().sectors() || filled > disk().sectors() - s_.lba) return fail(kIdNotFound);
        disk().write(s_.lba, s_.buffer, filled);
    }
    s_.lba += n;
    s_.sectors_left -= n;
    // Counts down to zero; the address names the last sector moved.
    drive().count = static_cast<std::uint8_t>(s_.sectors_left);
    if (s_.long_address) drive().previous_count = static_cast<std::uint8_t>(s_.sectors_left >> 8);
    store_address(s_.lba - (s_.sectors_left == 0 && n ? 1 : 0));
    if (s_.sectors_left == 0 || n == 0) {
        if (s_.transfer == IdeTransfer::write)
            return complete();  // the interrupt tells that the data is stored
        s_.transfer = IdeTransfer::none;
        drive().status = kReady | kSeekComplete;
        return;
    }
    load_block();
    raise();
}

void IdeChannel::start(IdeTransfer transfer, bool long_address, unsigned block) {
    if (block == 0) return fail(kAborted);
    if (!locate(long_address)) return fail(kIdNotFound);
    s_.transfer = transfer;
    s_.block = static_cast<std::uint8_t>(block);
    load_block();
    // A write asks for its first block by DRQ alone, a read announces it; ATA 9.5 and 9.6.
    if (s_.transfer == IdeTransfer::read) raise();
}

void IdeChannel::verify(bool long_address) {
    if (!locate(long_address)) return fail(kIdNotFound);
    store_address(s_.lba + s_.sectors_left - 1);
    complete();
}

void IdeChannel::set_features() {
    switch (drive().features) {
        case 0x02:
        case 0x82:  // write cache on, off
        case 0x55:
        case 0xAA:  // read look-ahead off, on
        case 0x66:
        case 0xCC:  // keep or forget settings at a reset
        case 0x05:
        case 0x85:  // power management
        case 0x69:
        case 0x67:
        case 0x96:
        case 0x9A:
        case 0x42:
        case 0xC2:  // accepted by QEMU too, no effect
            return complete();
        case 0x03:  // transfer mode: any PIO mode
            return drive().count < 0x10 ? complete() : fail(kAborted);
        default: return fail(kAborted);
    }
}

void IdeChannel::command(std::uint8_t code) {
    IdeDriveState& d = drive();
    if ((d.status & kBusy) && code != 0x08) return;
    // A new command ends whatever was going on and withdraws its interrupt.
    s_.transfer = IdeTransfer::none;
    s_.position = s_.length = 0;
    s_.interrupt = 0;
    update();
    d.error = 0;
    s_.long_address = 0;
    if (disk().empty() && code != 0x90) return fail(kAborted);  // diagnostics concern the slave, too
    if ((code & 0xF0) == 0x10 || (code & 0xF0) == 0x70) return complete();  // RECALIBRATE, SEEK
    switch (code) {
        case 0x20:
        case 0x21: return start(IdeTransfer::read, false, 1);          // READ SECTORS
        case 0x24: return start(IdeTransfer::read, true, 1);           // READ SECTORS EXT
        case 0x29: return start(IdeTransfer::read, true, d.multiple);  // READ MULTIPLE EXT
        case 0x30:
        case 0x31: return start(IdeTransfer::write, false, 1);           // WRITE SECTORS
        case 0x34: return start(IdeTransfer::write, true, 1);            // WRITE SECTORS EXT
        case 0x39: return start(IdeTransfer::write, true, d.multiple);   // WRITE MULTIPLE EXT
        case 0xC4: return start(IdeTransfer::read, false, d.multiple);   // READ MULTIPLE
        case 0xC5: return start(IdeTransfer::write, false, d.multiple);  // WRITE MULTIPLE
        case 0x40:
        case 0x41: return verify(false);  // READ VERIFY SECTORS
        case 0x42: return verify(true);   // READ VERIFY SECTORS EXT
        case 0x90:  // EXECUTE DEVICE DIAGNOSTIC: addresses both drives, leaves the first selected
            for (IdeDriveState& each : s_.drives) {
                set_signature(each);
                each.status = kReady | kSeekComplete;
            }
            s_.selected = 0;
            return raise();
        case 0x91:  // INITIALIZE DEVICE PARAMETERS
            if (d.count == 0) return fail(kAborted);
            d.sectors_per_track = d.count;
            d.heads = (d.select & 15u) + 1;
            d.cylinders = static_cast<std::uint16_t>(std::min<std::uint64_t>(
                sectors(s_.selected & 1u) / (static_cast<unsigned>(d.heads) * d.sectors_per_track), 16383));
            return complete();
        case 0xC6:  // SET MULTIPLE MODE
            if (d.count > kIdeMaxMultiple || (d.count & (d.count - 1))) return fail(kAborted);
            d.multiple = d.count;
            return complete();
        case 0xE5:
        case 0x98:  // CHECK POWER MODE: active
            d.count = 0xFF;
            return complete();
        case 0xE0:
        case 0xE1:
        case 0xE2:
        case 0xE3:
        case 0xE6:  // power management
        case 0x94:
        case 0x95:
        case 0x96:
        case 0x97:
        case 0x99:  // and its older codes
        case 0xE7:
        case 0xEA:  // FLUSH CACHE, FLUSH CACHE EXT: every write is in the host's page cache already
            return complete();
        case 0xEC: {  // IDENTIFY DEVICE
            std::uint8_t words[kSectorSize];
            identify(d, sectors(s_.selected & 1u), words);
            std::memcpy(s_.buffer, words, sizeof words);
            s_.transfer = IdeTransfer::identify;
            s_.length = kSectorSize;
            d.status = kReady | kSeekComplete | kDataRequest;
            return raise();
        }
        case 0xEF: return set_features();
        default: return fail(kAborted);  // DMA and PACKET commands among them
    }
}

void IdeChannel::identify(const IdeDriveState& drive, std::uint64_t sectors,
                          std::uint8_t (&into)[kSectorSize]) {
    std::memset(into, 0, sizeof into);
    const auto word = [&into](unsigned at, std::uint64_t value) {
        into[2 * at] = static_cast<std::uint8_t>(value);
        into[2 * at + 1] = static_cast<std::uint8_t>(value >> 8);
    };
    // Strings are padded with blanks, two characters to a word, the first in the high byte.
    const auto text = [&into](unsigned at, unsigned words, const char* s) {
        for (unsigned i = 0; i < 2 * words; ++i)
            into[(2 * at + i) ^ 1u] = static_cast<std::uint8_t>(*s ? *s++ : ' ');
    };
    const std::uint64_t cylinders = std::clamp<std::uint64_t>(sectors / (16 * 63), 1, 16383);
    const std::uint64_t chs =
        static_cast<std::uint64_t>(drive.cylinders) * drive.heads * drive.sectors_per_track;
    const std::uint64_t lba28 = std::min<std::uint64_t>(sectors, 0x0FFFFFFF);
    word(0, 0x0040);  // fixed disk
    word(1, cylinders);
    word(3, 16);
    word(6, 63);
    text(10, 10, "RP00001");
    text(23, 4, "1.0");
    text(27, 20, "RINGPRESS HARDDISK");
    word(47, 0x8000 | kIdeMaxMultiple);
    word(48, 1);       // 32-bit transfers work
    word(49, 0x0200);  // LBA; no DMA
    word(51, 0x0200);  // PIO mode 2
    word(53, 0x0003);  // words 54-58 and 64-70 are valid
    word(54, drive.cylinders);
    word(55, drive.heads);
    word(56, drive.sectors_per_track);
    word(57, chs);
    word(58, chs >> 16);
    if (drive.multiple) word(59, 0x0100u | drive.multiple);
    word(60, lba28);
    word(61, lba28 >> 16);
    word(64, 0x0003);  // PIO modes 3 and 4
    word(67, 120);     // their cycle times in ns, without and with IORDY
    word(68, 120);
    word(80, 0x0070);  // ATA-4 to ATA-6
    word(82, 0x4020);  // NOP, write cache
    word(83, 0x7400);  // FLUSH CACHE EXT, FLUSH CACHE, 48-bit addresses
    word(84, 0x4000);
    word(85, 0x4020);
    word(86, 0x3400);
    word(87, 0x4000);
    word(93, 0x6001);
    for (unsigned i = 0; i < 4; ++i) word(100 + i, sectors >> (16 * i));
}

}  // namespace ringpress
