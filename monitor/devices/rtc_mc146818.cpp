#include "monitor/devices/rtc_mc146818.hpp"

#include <algorithm>

#include "monitor/devices/calendar.hpp"
#include "monitor/devices/ticks.hpp"

namespace ringpress {
namespace {

enum Register : std::uint8_t {
    kSecond = 0,
    kSecondAlarm = 1,
    kMinute = 2,
    kMinuteAlarm = 3,
    kHour = 4,
    kHourAlarm = 5,
    kWeekday = 6,
    kDay = 7,
    kMonth = 8,
    kYear = 9,
    kA = 10,
    kB = 11,
    kC = 12,
    kD = 13,
    kCentury = 0x32,
};
constexpr std::uint8_t kUip = 0x80;                                         // register A
constexpr std::uint8_t kSet = 0x80, kPie = 0x40, kBinary = 4, k24Hour = 2;  // register B
constexpr std::uint8_t kIrqf = 0x80, kPf = 0x40, kAf = 0x20, kUf = 0x10;    // register C
constexpr unsigned kIrq = 8;
constexpr std::uint64_t kCrystal = 32'768;
/// UIP is set this long before the update cycle begins, MC146818A "update cycle".
constexpr Nanoseconds kUipLead = 244'000;

bool is_time(unsigned index) {
    return index == kSecond || index == kMinute || index == kHour || (index >= kWeekday && index <= kYear) ||
           index == kCentury;
}

/// Periods of the square wave in crystal cycles, by rate select (register A bits 0-3); rates 1 and 2 are
/// those of 8 and 9.
std::uint64_t period_cycles(std::uint8_t a) {
    const unsigned rate = a & 15u;
    if (rate == 0) return 0;
    return std::uint64_t{1} << (rate <= 2 ? rate + 6 : rate - 1);
}

}  // namespace

void RtcMc146818::power_on(const CmosContents& contents) {
    s_ = {};
    std::uint8_t* m = s_.cmos;
    m[kA] = 0x26;  // 32.768 kHz time base, 1024 Hz
    m[kB] = k24Hour;
    m[kD] = 0x80;  // the battery is good
    const auto word = [m](unsigned at, std::uint64_t value) {
        m[at] = static_cast<std::uint8_t>(value);
        m[at + 1] = static_cast<std::uint8_t>(value >> 8);
    };
    constexpr std::uint64_t kMost = 65535;
    const std::uint64_t kib = contents.ram_bytes / 1024;
    const std::uint64_t above_1m = kib > 1024 ? std::min(kib - 1024, kMost) : 0;
    word(0x15, std::min<std::uint64_t>(kib, 640));
    word(0x17, above_1m);
    word(0x30, above_1m);
    word(0x34, kib > 16384 ? std::min((kib - 16384) / 64, kMost) : 0);
    m[0x14] = 0x02;  // equipment: FPU; EGA/VGA; no diskette drive; no mouse
    for (unsigned i = 0; i < 2; ++i) {
        const std::uint64_t sectors = contents.drive_sectors[i];
        if (!sectors) continue;
        m[0x12] |= i ? 0x0F : 0xF0;  // "see the extended type"
        m[0x19 + i] = 47;            // user defined
        std::uint8_t* g = m + 0x1B + 9 * i;
        const std::uint64_t cylinders = std::clamp<std::uint64_t>(sectors / (16 * 63), 1, 16383);
        g[0] = g[6] = static_cast<std::uint8_t>(cylinders);
        g[1] = g[7] = static_cast<std::uint8_t>(cylinders >> 8);
        g[2] = 16;  // heads
        g[3] = g[4] = 0xFF;
        g[5] = 0xC8;
        g[8] = 63;  // sectors per track
    }
    unsigned sum = 0;
    for (unsigned i = 0x10; i <= 0x2D; ++i) sum += m[i];
    m[0x2E] = static_cast<std::uint8_t>(sum >> 8);
    m[0x2F] = static_cast<std::uint8_t>(sum);
    s_.updates_seen = guest_second();
    s_.periods_seen = periods();
    schedule();
}

std::int64_t RtcMc146818::guest_second() const {
    return static_cast<std::int64_t>(clock_.now() / kNanosecondsPerSecond);
}

std::uint64_t RtcMc146818::periods() const {
    const std::uint64_t cycles = period_cycles(s_.cmos[kA]);
    return cycles ? cycles_at(clock_.now(), kCrystal) / cycles : 0;
}

std::uint8_t RtcMc146818::encode(unsigned value) const {
    return static_cast<std::uint8_t>(s_.cmos[kB] & kBinary ? value : value / 10 * 16 + value % 10);
}
unsigned RtcMc146818::decode(std::uint8_t value) const {
    return s_.cmos[kB] & kBinary ? value : (value >> 4) * 10u + (value & 15u);
}
std::uint8_t RtcMc146818::encode_hour(unsigned hour) const {
    if (s_.cmos[kB] & k24Hour) return encode(hour);
    return static_cast<std::uint8_t>(encode(hour % 12 ? hour % 12 : 12) | (hour >= 12 ? 0x80 : 0));
}
unsigned RtcMc146818::decode_hour(std::uint8_t value) const {
    if (s_.cmos[kB] & k24Hour) return decode(value);
    return decode(value & 0x7F) % 12 + (value & 0x80 ? 12 : 0);
}

/// Brings the time registers up to date, unless the guest has stopped them with SET.
void RtcMc146818::latch_time() {
    if (s_.cmos[kB] & kSet) return;
    const Date d = date_from_seconds(clock_.epoch_seconds() + guest_second() + s_.offset);
    std::uint8_t* m = s_.cmos;
    m[kSecond] = encode(d.second);
    m[kMinute] = encode(d.minute);
    m[kHour] = encode_hour(d.hour);
    m[kWeekday] = encode(d.weekday + 1);
    m[kDay] = encode(d.day);
    m[kMonth] = encode(d.month);
    m[kYear] = encode(static_cast<unsigned>(d.year % 100));
    m[kCentury] = static_cast<std::uint8_t>(d.year / 100 / 10 % 10 * 16 + d.year / 100 % 10);  // BCD always
}

/// The guest has set the time registers: the clock goes on from what they say.
void RtcMc146818::apply_time() {
    const std::uint8_t* m = s_.cmos;
    Date d;
    d.year = ((m[kCentury] >> 4) * 10 + (m[kCentury] & 15)) * 100 + static_cast<int>(decode(m[kYear]));
    d.month = std::clamp(decode(m[kMonth]), 1u, 12u);
    d.day = std::clamp(decode(m[kDay]), 1u, 31u);
    d.hour = decode_hour(m[kHour]);
    d.minute = decode(m[kMinute]);
    d.second = decode(m[kSecond]);
    s_.offset = seconds_from_date(d) - clock_.epoch_seconds() - guest_second();
}

/// An alarm byte of 0xC0 or more matches anything.
bool RtcMc146818::alarm_matches(std::int64_t date) const {
    const unsigned of_day = static_cast<unsigned>(date - floor_div(date, 86400) * 86400);
    const std::uint8_t* m = s_.cmos;
    return (m[kSecondAlarm] >= 0xC0 || decode(m[kSecondAlarm]) == of_day % 60) &&
           (m[kMinuteAlarm] >= 0xC0 || decode(m[kMinuteAlarm]) == of_day / 60 % 60) &&
           (m[kHourAlarm] >= 0xC0 || decode_hour(m[kHourAlarm]) == of_day / 3600);
}

bool RtcMc146818::update_in_progress() const {
    return !(s_.cmos[kB] & kSet) && clock_.now() % kNanosecondsPerSecond >= kNanosecondsPerSecond - kUipLead;
}

/// Sets the flags of everything that has happened since the last time.
void RtcMc146818::settle() {
    std::uint8_t& c = s_.cmos[kC];
    const std::int64_t second = guest_second();
    if (second > s_.updates_seen && !(s_.cmos[kB] & kSet)) {
        c |= kUf;
        // One day holds every possible alarm.
        const std::int64_t from = std::max(s_.updates_seen, second - 86400);
        for (std::int64_t t = from + 1; t <= second && !(c & kAf); ++t)
            if (alarm_matches(clock_.epoch_seconds() + t + s_.offset)) c |= kAf;
    }
    s_.updates_seen = second;
    const std::uint64_t passed = periods();
    if (passed > s_.periods_seen) {
        c |= kPf;
        if (s_.cmos[kB] & kPie) s_.late.passed(passed - s_.periods_seen);
    }
    s_.periods_seen = passed;
}

void RtcMc146818::schedule() {
    s_.deadline = kNever;
    const std::uint8_t b = s_.cmos[kB];
    if ((b & (kAf | kUf)) && !(b & kSet))  // the enable bits are where the flags are in register C
        s_.deadline = (clock_.now() / kNanosecondsPerSecond + 1) * kNanosecondsPerSecond;
    const std::uint64_t cycles = period_cycles(s_.cmos[kA]);
    if ((b & kPie) && cycles)
        s_.deadline = std::min(s_.deadline, time_of_cycle((periods() + 1) * cycles, kCrystal));
}

void RtcMc146818::drive_irq() {
    std::uint8_t& c = s_.cmos[kC];
    const bool active = c & s_.cmos[kB] & (kPf | kAf | kUf);
    c = static_cast<std::uint8_t>(active ? c | kIrqf : c & ~kIrqf);
    irq_.set(kIrq, active);
}

void RtcMc146818::advance() {
    if (clock_.now() < s_.deadline) return;
    settle();
    drive_irq();
    schedule();
}

std::uint8_t RtcMc146818::read_register() {
    const unsigned index = s_.index & 0x7Fu;
    if (is_time(index)) latch_time();
    if (index == kA) return static_cast<std::uint8_t>(s_.cmos[kA] | (update_in_progress() ? kUip : 0));
    if (index != kC) return s_.cmos[index];
    settle();
    drive_irq();
    const std::uint8_t flags = s_.cmos[kC];
    s_.cmos[kC] = 0;  // reading acknowledges
    drive_irq();
    if ((flags & kPf) && (s_.cmos[kB] & kPie) && s_.late.take()) {
        s_.cmos[kC] = kPf;
        drive_irq();
    }
    schedule();
    return flags;
}

void RtcMc146818::write_register(std::uint8_t value) {
    const unsigned index = s_.index & 0x7Fu;
    switch (index) {
        case kA:
            settle();
            s_.cmos[kA] = value & 0x7F;
            s_.periods_seen = periods();
            s_.late = {};
            break;
        case kB: {
            settle();
            latch_time();
            const bool was_set = s_.cmos[kB] & kSet;
            // A clock that was stopped is read in the format that it was written in.
            if (was_set && !(value & kSet)) {
                s_.cmos[kB] = value;
                apply_time();
            }
            s_.cmos[kB] = value;
            if (value & kSet) s_.cmos[kB] &= static_cast<std::uint8_t>(~kUf);  // SET clears UIE
            if (!(value & kPie)) s_.late = {};
            drive_irq();
            break;
        }
        case kC:
        case kD: return;  // read-only
        default:
            latch_time();
            s_.cmos[index] = value;
            if (is_time(index) && !(s_.cmos[kB] & kSet)) apply_time();
            break;
    }
    schedule();
}

std::uint32_t RtcMc146818::read(unsigned offset, unsigned) {
    return offset == 0 ? 0xFFu : read_register();  // the index cannot be read back
}

void RtcMc146818::write(unsigned offset, unsigned, std::uint32_t value) {
    if (offset == 0)
        s_.index = value & 0x7F;
    else
        write_register(static_cast<std::uint8_t>(value));
}

}  // namespace ringpress
