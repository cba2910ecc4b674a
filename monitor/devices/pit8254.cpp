#include "monitor/devices/pit8254.hpp"

#include "monitor/devices/ticks.hpp"

namespace ringpress {
namespace {

std::uint16_t to_bcd(std::uint32_t n) {
    return static_cast<std::uint16_t>((n / 1000 % 10) << 12 | (n / 100 % 10) << 8 | (n / 10 % 10) << 4 |
                                      n % 10);
}
std::uint32_t from_bcd(std::uint32_t n) {
    return (n >> 12 & 15u) * 1000 + (n >> 8 & 15u) * 100 + (n >> 4 & 15u) * 10 + (n & 15u);
}

bool periodic(const PitCounter& c) {
    return c.mode == 2 || c.mode == 3;
}
bool triggered_by_gate(const PitCounter& c) {
    return c.mode == 1 || c.mode == 5;
}
/// Modes in which a low gate stops the counting.
bool gated(const PitCounter& c) {
    return !triggered_by_gate(c) && !c.gate;
}

/// Cycles counted since the load; never negative.
std::int64_t elapsed(const PitCounter& c, std::int64_t cycle) {
    const std::int64_t d = gated(c) ? c.held_at : cycle - c.loaded_at;
    return d < 0 ? 0 : d;
}

std::int64_t divisor(const PitCounter& c) {
    return c.count ? c.count : 0x10000;
}

/// A count written in mode 2 or 3 waits for the end of the running period.
void settle(PitCounter& c, std::int64_t cycle) {
    if (!c.next_count || !c.loaded || gated(c)) return;
    const std::int64_t periods = elapsed(c, cycle) / divisor(c);
    if (periods == 0) return;
    // load() has moved loaded_at to the start of the period in which the count was written: only that one had
    // the old length.
    c.loaded_at += divisor(c);
    c.count = c.next_count;
    c.next_count = 0;
    c.null_count = 0;
}

bool out_pin(const PitCounter& c, std::int64_t cycle) {
    if (!c.loaded) return c.mode != 0;
    const std::int64_t d = elapsed(c, cycle), n = divisor(c);
    switch (c.mode) {
        case 0:
        case 1: return d >= n;
        case 2: return gated(c) || d % n != n - 1;
        case 3: return gated(c) || d % n < (n + 1) / 2;
        default: return d != n;  // 4 and 5: low for the one cycle of the strobe
    }
}

std::uint16_t value(const PitCounter& c, std::int64_t cycle) {
    const std::int64_t n = divisor(c), d = c.loaded ? elapsed(c, cycle) : 0;
    std::int64_t v;
    if (c.mode == 2)
        v = n - d % n;
    else if (c.mode == 3)
        v = n - 2 * d % n;
    else  // counts on through zero, 8254 datasheet, "Mode 0"
        v = n - d;
    if (c.bcd) return to_bcd(static_cast<std::uint32_t>((v % 10000 + 10000) % 10000));
    return static_cast<std::uint16_t>(v);
}

}  // namespace

std::int64_t Pit8254::cycle() const {
    return static_cast<std::int64_t>(cycles_at(clock_.now(), kPitHz));
}

void Pit8254::power_on() {
    s_ = {};
    for (unsigned i = 0; i < 3; ++i) {
        s_.counters[i].mode = i < 2 ? 2 : 3;
        s_.counters[i].gate = i < 2;
    }
    s_.counters[1].access = 1;
    load(0, 0);
    load(1, 18);
    schedule();
    drive_irq();
}

bool Pit8254::out(unsigned counter) const {
    PitCounter c = s_.counters[counter];
    settle(c, cycle());
    return out_pin(c, cycle());
}

void Pit8254::load(unsigned number, std::uint32_t value) {
    PitCounter& c = s_.counters[number];
    const std::uint32_t count = c.bcd ? from_bcd(value) : value;
    const std::uint32_t wanted = count ? count : (c.bcd ? 10000u : 0x10000u);
    settle(c, cycle());
    if (periodic(c) && c.loaded) {
        if (!gated(c)) c.loaded_at += elapsed(c, cycle()) / divisor(c) * divisor(c);
        c.next_count = wanted;
        c.null_count = 1;
        return;
    }
    c.count = wanted;
    if (triggered_by_gate(c)) return;  // the gate's rising edge starts it
    c.loaded = 1;
    c.null_count = 0;
    c.loaded_at = cycle() + 1;  // the next clock transfers the count
    c.held_at = 0;
}

void Pit8254::set_gate(unsigned number, bool level) {
    PitCounter& c = s_.counters[number];
    if (static_cast<bool>(c.gate) == level) return;
    const std::int64_t now = cycle();
    settle(c, now);
    if (!level) {
        c.held_at = elapsed(c, now);
        c.gate = 0;
        return;
    }
    c.gate = 1;
    if (triggered_by_gate(c)) {
        c.loaded = 1;
        c.null_count = 0;
        c.loaded_at = now + 1;
    } else if (periodic(c)) {
        if (c.next_count) c.count = c.next_count;
        c.next_count = 0;
        c.null_count = 0;
        c.loaded_at = now + 1;
    } else {
        c.loaded_at = now - c.held_at;
    }
}

/// Finds the next rising edge of OUT 0.
void Pit8254::schedule() {
    PitCounter& c = s_.counters[0];
    const std::int64_t now = cycle();
    settle(c, now);
    s_.edge_due = 0;
    s_.deadline = kNever;
    if (!c.loaded) return;
    const std::int64_t n = divisor(c), d = elapsed(c, now);
    if (periodic(c)) {
        s_.next_edge = c.loaded_at + (d / n + 1) * n;
    } else if (c.mode == 0) {
        if (d >= n) return;
        s_.next_edge = c.loaded_at + n;
    } else {
        if (d > n) return;
        s_.next_edge = c.loaded_at + n + 1;
    }
    s_.edge_due = 1;
    s_.deadline = time_of_cycle(static_cast<std::uint64_t>(s_.next_edge), kPitHz);
    const Nanoseconds soonest = clock_.now() + kShortestPeriod;
    if (periodic(c) && n < static_cast<std::int64_t>(cycles_at(kShortestPeriod, kPitHz)) &&
        s_.deadline < soonest)
        s_.deadline = soonest;
}

/// Follows OUT 0 after the guest has changed the counter's programming.
void Pit8254::drive_irq() {
    const bool level = out_pin(s_.counters[0], cycle());
    if (level == static_cast<bool>(s_.irq_level)) return;
    s_.irq_level = level;
    irq_.set(0, level);
}

void Pit8254::advance() {
    if (clock_.now() < s_.deadline || !s_.edge_due) return;
    PitCounter& c = s_.counters[0];
    const std::int64_t now = cycle();
    std::uint64_t edges = 1;
    const bool reload_changes = c.next_count != 0;
    settle(c, now);
    if (periodic(c) && now >= s_.next_edge) {
        // After a reload with a new count the periods behind the first edge have the new length.
        const std::int64_t first = reload_changes ? c.loaded_at : s_.next_edge;
        edges += static_cast<std::uint64_t>((now - first) / divisor(c));
    }
    s_.irq_level = 1;
    irq_.set(0, false);
    irq_.set(0, true);
    s_.late.passed(edges);
    schedule();
}

void Pit8254::acknowledged() {
    if (!s_.late.take()) return;
    irq_.set(0, false);
    irq_.set(0, true);
}

void Pit8254::latch_count(PitCounter& c) {
    if (c.latched) return;  // a second latch command before the count is read is ignored
    settle(c, cycle());
    c.latch = value(c, cycle());
    c.latched = 1;
}

void Pit8254::control(std::uint8_t word) {
    const unsigned select = word >> 6;
    if (select == 3) {  // read-back command: bit 5 = 0 latches counts, bit 4 = 0 latches status
        for (unsigned i = 0; i < 3; ++i) {
            PitCounter& c = s_.counters[i];
            if (!(word & (2u << i))) continue;
            if (!(word & 0x20)) latch_count(c);
            if (!(word & 0x10) && !c.status_latched) {
                c.status = static_cast<std::uint8_t>(out(i) << 7 | c.null_count << 6 | c.access << 4 |
                                                     c.mode << 1 | c.bcd);
                c.status_latched = 1;
            }
        }
        return;
    }
    PitCounter& c = s_.counters[select];
    const unsigned access = (word >> 4) & 3u;
    if (access == 0) {
        latch_count(c);
        return;
    }
    const std::uint8_t gate = c.gate;
    const std::uint32_t count = c.count;
    c = {};
    c.gate = gate;
    c.count = count;
    c.access = static_cast<std::uint8_t>(access);
    c.mode = (word >> 1) & 7u;
    if (c.mode > 5) c.mode &= 3u;
    c.bcd = word & 1u;
    c.null_count = 1;
    if (select == 0) {
        s_.late = {};
        schedule();
        drive_irq();
    }
}

std::uint8_t Pit8254::read_counter(PitCounter& c) {
    if (c.status_latched) {
        c.status_latched = 0;
        return c.status;
    }
    settle(c, cycle());
    const std::uint16_t v = c.latched ? c.latch : value(c, cycle());
    bool high = c.access == 2;
    if (c.access == 3) {
        high = c.read_high;
        c.read_high = !c.read_high;
    }
    if (c.access != 3 || high) c.latched = 0;
    return static_cast<std::uint8_t>(high ? v >> 8 : v);
}

std::uint32_t Pit8254::read(unsigned offset, unsigned) {
    return offset == 3 ? 0u : read_counter(s_.counters[offset]);  // the control word cannot be read
}

void Pit8254::write(unsigned offset, unsigned, std::uint32_t value) {
    const std::uint8_t byte = static_cast<std::uint8_t>(value);
    if (offset == 3) {
        control(byte);
        return;
    }
    PitCounter& c = s_.counters[offset];
    if (c.access == 3 && !c.write_high) {
        c.low_byte = byte;
        c.write_high = 1;
        if (c.mode == 0) c.loaded = 0;  // the first byte stops the counter and takes OUT low
    } else {
        const unsigned count = c.access == 1 ? byte : c.access == 2 ? byte << 8u : c.low_byte | byte << 8u;
        c.write_high = 0;
        load(offset, count);
    }
    if (offset == 0) {
        schedule();
        drive_irq();
    }
}

std::uint32_t SystemControlB::read(unsigned, unsigned) {
    constexpr Nanoseconds kRefresh = 15'085;  // counter 1 at divisor 18
    return static_cast<std::uint32_t>(pit_.gate(2)) | static_cast<std::uint32_t>(s_.speaker) << 1 |
           static_cast<std::uint32_t>(clock_.now() / kRefresh & 1u) << 4 |
           static_cast<std::uint32_t>(pit_.out(2)) << 5;
}

void SystemControlB::write(unsigned, unsigned, std::uint32_t value) {
    s_.speaker = (value >> 1) & 1u;
    pit_.set_gate(2, value & 1u);
}

}  // namespace ringpress
