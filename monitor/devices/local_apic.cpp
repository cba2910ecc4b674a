#include "monitor/devices/local_apic.hpp"

#include <algorithm>

namespace ringpress {
namespace {

/// Register offsets, SDM Vol. 3A, table 10-1.
enum Register : unsigned {
    kId = 0x20,
    kVersion = 0x30,
    kTpr = 0x80,
    kApr = 0x90,
    kPpr = 0xA0,
    kEoi = 0xB0,
    kLdr = 0xD0,
    kDfr = 0xE0,
    kSvr = 0xF0,
    kIsr = 0x100,
    kTmr = 0x180,
    kIrr = 0x200,
    kEsr = 0x280,
    kIcrLow = 0x300,
    kIcrHigh = 0x310,
    kLvt = 0x320,
    kLvtEnd = 0x370,
    kInitialCount = 0x380,
    kCurrentCount = 0x390,
    kDivide = 0x3E0,
};
enum Lvt : unsigned { kTimer, kThermal, kPerformance, kLint0, kLint1, kErrorEntry };

constexpr std::uint32_t kVersionValue = 0x00050014;  // six LVT entries
constexpr std::uint32_t kMasked = 0x10000;
constexpr std::uint32_t kLvtWritable[6] = {0x300FF, 0x117FF, 0x117FF, 0x1F7FF, 0x1F7FF, 0x100FF};
constexpr std::uint32_t kModeFixed = 0, kModeLowest = 1, kModeNmi = 4, kModeExtInt = 7;
constexpr std::uint32_t kIllegalVectorReceived = 0x40, kIllegalVectorSent = 0x20;
constexpr std::uint32_t kIcrDeliveryStatus = 0x1000;

std::uint32_t mode(std::uint32_t entry) {
    return entry >> 8 & 7u;
}

}  // namespace

void LocalApic::power_on() {
    s_ = {};
    s_.dfr = ~0u;
    s_.svr = 0x1FF;
    for (std::uint32_t& entry : s_.lvt) entry = kMasked;
    s_.lvt[kLint0] = 0x8700;
    s_.lvt[kLint1] = 0x8400;
}

/// PPR, SDM Vol. 3A, 10.8.3.1.
std::uint32_t LocalApic::priority() const {
    const int serving = s_.isr.highest();
    const std::uint32_t in_service = serving < 0 ? 0 : static_cast<std::uint32_t>(serving) & 0xF0u;
    return (s_.tpr & 0xF0u) >= in_service ? s_.tpr : in_service;
}

void LocalApic::update() {
    const int wanted = s_.irr.highest();
    s_.pending = wanted >= 0 && enabled() && (static_cast<std::uint32_t>(wanted) >> 4) > priority() >> 4;
}

bool LocalApic::passes_pic() const {
    return !(s_.lvt[kLint0] & kMasked) && mode(s_.lvt[kLint0]) == kModeExtInt;
}

/// SDM Vol. 3A, 10.5.1.  SMI and INIT have no effect here.
bool LocalApic::lint1() {
    const std::uint32_t entry = s_.lvt[kLint1];
    if (entry & kMasked) return false;
    if (mode(entry) == kModeFixed) accept(static_cast<std::uint8_t>(entry), false);
    return mode(entry) == kModeNmi;
}

void LocalApic::accept(std::uint8_t vector, bool level_triggered) {
    if (!enabled()) return;
    if (vector < 16) {
        s_.esr |= kIllegalVectorReceived;
        return;
    }
    s_.irr.add(vector);
    if (level_triggered)
        s_.tmr.add(vector);
    else
        s_.tmr.remove(vector);
    update();
}

/// Destinations, SDM Vol. 3A, 10.6.2.
bool LocalApic::matches(std::uint8_t destination, bool logical) const {
    if (destination == 0xFF) return true;
    if (!logical) return destination == s_.id >> 24;
    const std::uint8_t mine = static_cast<std::uint8_t>(s_.ldr >> 24);
    if (s_.dfr >> 28 == 0xF) return destination & mine;  // flat model
    return destination >> 4 == mine >> 4 && (destination & mine & 0x0F);
}

int LocalApic::acknowledge() {
    if (!s_.pending) return -1;
    const int vector = s_.irr.highest();
    if (vector < 0) return -1;
    s_.irr.remove(static_cast<unsigned>(vector));
    s_.isr.add(static_cast<unsigned>(vector));
    if (static_cast<std::uint32_t>(vector) == (s_.lvt[kTimer] & 0xFFu) && s_.late.take()) fire_timer();
    update();
    return vector;
}

void LocalApic::end_of_interrupt() {
    const int vector = s_.isr.highest();
    if (vector < 0) return;
    s_.isr.remove(static_cast<unsigned>(vector));
    if (s_.tmr.has(static_cast<unsigned>(vector))) eoi_.end_of_interrupt(static_cast<std::uint8_t>(vector));
    update();
}

/// Nanoseconds per count: bits 0, 1 and 3 select 2, 4, ... 128, then 1; SDM Vol. 3A, figure 10-10.
Nanoseconds LocalApic::timer_unit() const {
    const unsigned code = (s_.divide & 3u) | (s_.divide & 8u) >> 1;
    return Nanoseconds{1} << ((code + 1) & 7u);
}

std::uint32_t LocalApic::current_count() const {
    if (s_.initial_count == 0) return 0;
    const Nanoseconds gone = (clock_.now() - s_.timer_started) / timer_unit();
    if (timer_periodic()) return static_cast<std::uint32_t>(s_.initial_count - gone % s_.initial_count);
    return gone >= s_.initial_count ? 0 : static_cast<std::uint32_t>(s_.initial_count - gone);
}

void LocalApic::start_timer() {
    s_.timer_started = clock_.now();
    s_.late = {};
    schedule();
}

/// The next expiry.  A masked timer counts without being watched.
void LocalApic::schedule() {
    s_.deadline = kNever;
    if (s_.initial_count == 0 || (s_.lvt[kTimer] & kMasked)) return;
    const Nanoseconds now = clock_.now(), period = timer_period();
    const Nanoseconds gone = now - s_.timer_started;
    if (!timer_periodic()) {
        if (gone < period) s_.deadline = s_.timer_started + period;
        return;
    }
    s_.deadline = s_.timer_started + (gone / period + 1) * period;
    if (period < kShortestPeriod) s_.deadline = std::max(s_.deadline, now + kShortestPeriod);
}

void LocalApic::fire_timer() {
    if (!(s_.lvt[kTimer] & kMasked)) accept(static_cast<std::uint8_t>(s_.lvt[kTimer]), false);
}

void LocalApic::advance() {
    if (clock_.now() < s_.deadline) return;
    std::uint64_t ticks = 1;
    if (timer_periodic() && s_.initial_count) {
        // deadline is a multiple of the period unless the period is below the shortest one.
        ticks += (clock_.now() - s_.deadline) / timer_period();
    }
    fire_timer();
    if (timer_periodic()) s_.late.passed(ticks);
    schedule();
    // A one-shot timer that has expired stays so.
    if (!timer_periodic()) s_.deadline = kNever;
}

void LocalApic::write_lvt(unsigned entry, std::uint32_t value) {
    value &= kLvtWritable[entry];
    if (!enabled()) value |= kMasked;
    const std::uint32_t before = s_.lvt[entry];
    s_.lvt[entry] = value;
    if (entry != kTimer) return;
    if ((value & kMasked) || (before ^ value) & 0x20000u) s_.late = {};
    schedule();
}

/// SDM Vol. 3A, 10.6.1.  Only fixed and lowest-priority messages to this processor have an effect.
void LocalApic::send_ipi() {
    s_.icr_low &= ~kIcrDeliveryStatus;  // the bus is never busy
    const std::uint32_t delivery = mode(s_.icr_low);
    if (delivery != kModeFixed && delivery != kModeLowest) return;
    bool mine = false;
    switch (s_.icr_low >> 18 & 3u) {
        case 0: mine = matches(static_cast<std::uint8_t>(s_.icr_high >> 24), s_.icr_low & 0x800u); break;
        case 1:  // self
        case 2:  // all including self
            mine = true;
            break;
        default:  // all excluding self
            break;
    }
    if (!mine) return;
    const std::uint8_t vector = static_cast<std::uint8_t>(s_.icr_low);
    if (vector < 16)
        s_.esr |= kIllegalVectorSent;
    else
        accept(vector, false);
}

std::uint32_t LocalApic::read_register(unsigned offset) const {
    if (offset >= kIsr && offset < kEsr) {
        const VectorSet& set = offset < kTmr ? s_.isr : offset < kIrr ? s_.tmr : s_.irr;
        return set.words[offset >> 4 & 7u];
    }
    if (offset >= kLvt && offset < kLvtEnd) return s_.lvt[(offset - kLvt) >> 4];
    switch (offset) {
        case kId: return s_.id;
        case kVersion: return kVersionValue;
        case kTpr: return s_.tpr;
        case kApr:
        case kPpr: return priority();
        case kLdr: return s_.ldr;
        case kDfr: return s_.dfr;
        case kSvr: return s_.svr;
        case kEsr: return s_.esr;
        case kIcrLow: return s_.icr_low;
        case kIcrHigh: return s_.icr_high;
        case kInitialCount: return s_.initial_count;
        case kCurrentCount: return current_count();
        case kDivide: return s_.divide;
        default: return 0;
    }
}

std::uint32_t LocalApic::read(unsigned offset, unsigned width) {
    const unsigned shift = 8 * (offset & 3u);
    if (offset & 0xCu) return 0;  // only the first doubleword of each 16 bytes is a register
    const std::uint32_t value = read_register(offset & 0xFF0u) >> shift;
    return width == 4 ? value : value & ((1u << 8 * width) - 1);
}

void LocalApic::write(unsigned offset, unsigned width, std::uint32_t value) {
    if (width != 4 || (offset & 15u)) return;
    if (offset >= kLvt && offset < kLvtEnd) return write_lvt((offset - kLvt) >> 4, value);
    switch (offset) {
        case kId: s_.id = value & 0xFF000000u; break;
        case kTpr:
            s_.tpr = value & 0xFFu;
            update();
            break;
        case kEoi: end_of_interrupt(); break;
        case kLdr: s_.ldr = value & 0xFF000000u; break;
        case kDfr: s_.dfr = value | 0x0FFFFFFFu; break;
        case kSvr:
            s_.svr = value & 0x3FFu;
            if (!enabled()) {
                for (std::uint32_t& entry : s_.lvt) entry |= kMasked;  // SDM Vol. 3A, 10.4.7.2
                s_.late = {};
                schedule();
            }
            update();
            break;
        case kEsr: s_.esr = 0; break;
        case kIcrLow:
            s_.icr_low = value & 0xCCFFFu;
            send_ipi();
            break;
        case kIcrHigh: s_.icr_high = value & 0xFF000000u; break;
        case kInitialCount:
            s_.initial_count = value;
            start_timer();
            break;
        case kDivide:
            s_.divide = value & 0xBu;
            start_timer();
            break;
        default: break;
    }
}

}  // namespace ringpress
