#include "monitor/debug/gdb_session.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "monitor/debug/gdb_packet.hpp"
#include "monitor/debug/gdb_registers.hpp"

namespace ringpress {

namespace {

// Error numbers are QEMU's.
constexpr const char* kBadMemory = "E14";  // EFAULT
constexpr const char* kBadPacket = "E22";  // EINVAL
constexpr const char* kOk = "OK";
constexpr int kSigint = 2, kSigtrap = 5;
/// In QEMU's words: interrupts and the clock wait while an instruction is stepped.  Nothing else can be had.
constexpr unsigned kStepBits = 7;

/// The one thread there is, by any of its names: 1, 01, p1.1, and 0 and -1 for any and all.
bool names_our_thread(std::string_view id) {
    if (take_prefix(id, "p")) {
        const std::size_t dot = id.find('.');
        if (dot == std::string_view::npos) return names_our_thread(id);
        return names_our_thread(id.substr(0, dot)) && names_our_thread(id.substr(dot + 1));
    }
    if (id == "-1") return true;
    const auto number = take_hex(id);
    return number && *number <= 1 && id.empty();
}

/// Two numbers, comma between them; both are removed.
bool take_pair(std::string_view& text, std::uint64_t& first, std::uint64_t& second) {
    const auto a = take_hex(text);
    if (!a || !take_prefix(text, ",")) return false;
    const auto b = take_hex(text);
    if (!b) return false;
    first = *a;
    second = *b;
    return true;
}

}  // namespace

void GdbSession::attach(GdbTarget& target) {
    target_ = &target;
    for (const Point& p : points_) put_point(p, true);
}

std::string GdbSession::thread() const {
    return multiprocess_ ? "p01.01" : "01";
}

std::string GdbSession::stop_reply() const {
    const GuestStop& stop = target_->control.last_stop();
    std::string text =
        fmt::format("T{:02x}thread:{};",
                    stop.cause == StopCause::request && waits_for_stop_ ? kSigint : kSigtrap, thread());
    if (stop.cause == StopCause::watchpoint) {
        const char* kind = stop.kind == Watch::write  ? "watch"
                           : stop.kind == Watch::read ? "rwatch"
                                                      : "awatch";
        text += fmt::format("{}:{:08x};", kind, stop.address);
    }
    return text;
}

void GdbSession::stopped() {
    if (!waits_for_stop_) return;
    const std::string text = stop_reply();
    waits_for_stop_ = false;
    reply(text);
}

void GdbSession::ended(int status) {
    reply(fmt::format("W{:02x}", status & 0xFF));
    over_ = true;
}

void GdbSession::leave() {
    over_ = true;
    if (!target_ || !target_->control.stopped()) return;
    for (const Point& p : points_) put_point(p, false);
    points_.clear();
    target_->control.resume();
}

void GdbSession::packet(std::string_view p) {
    const char command = p.empty() ? '\0' : p.front();
    std::string_view rest = p.substr(p.empty() ? 0 : 1);
    switch (command) {
        case '!': return reply(kOk);
        case '?': return reply(stop_reply());
        case 'c': return go(false, rest);
        case 's': return go(true, rest);
        case 'C':  // with a signal, of which there are none: its number is skipped
        case 'S':
            take_hex(rest);
            take_prefix(rest, ";");
            return go(command == 'S', rest);
        case 'D': reply(kOk); return leave();
        case 'g': return all_registers();
        case 'G': return write_all_registers(rest);
        case 'H': return select_thread(rest);
        case 'k': over_ = true; return target_->quit();
        case 'm': return read_memory(rest);
        case 'M': return write_memory(rest, false);
        case 'X': return write_memory(rest, true);
        case 'p': return one_register(rest);
        case 'P': return write_one_register(rest);
        case 'q': return query(rest);
        case 'Q': return set(rest);
        case 'T': return reply(names_our_thread(rest) ? kOk : kBadPacket);
        case 'v':
            if (rest == "Cont?") return reply("vCont;c;C;s;S");
            if (take_prefix(rest, "Cont;")) return continue_threads(rest);
            if (take_prefix(rest, "Kill;")) {
                reply(kOk);
                over_ = true;
                return target_->quit();
            }
            return reply("");
        case 'z': return point(rest, false);
        case 'Z': return point(rest, true);
        default: return reply("");
    }
}

// --- running

void GdbSession::resume(bool step) {
    waits_for_stop_ = true;
    if (step)
        target_->control.step();
    else
        target_->control.resume();
}

void GdbSession::go(bool step, std::string_view address) {
    if (const auto at = take_hex(address)) target_->arena.cpu.eip = static_cast<std::uint32_t>(*at);
    resume(step);
}

/// action[:thread];...: the first that concerns our thread counts.
void GdbSession::continue_threads(std::string_view rest) {
    while (!rest.empty()) {
        std::string_view action = rest.substr(0, rest.find(';'));
        rest.remove_prefix(std::min(action.size() + 1, rest.size()));
        const std::size_t colon = action.find(':');
        if (colon != std::string_view::npos && !names_our_thread(action.substr(colon + 1))) continue;
        switch (action.empty() ? '\0' : action.front()) {
            case 'c':
            case 'C': return resume(false);
            case 's':
            case 'S': return resume(true);
            default: return reply(kBadPacket);
        }
    }
    reply(kBadPacket);
}

void GdbSession::select_thread(std::string_view rest) {
    const bool known =
        !rest.empty() && (rest[0] == 'g' || rest[0] == 'c') && names_our_thread(rest.substr(1));
    reply(known ? kOk : kBadPacket);
}

bool GdbSession::put_point(const Point& p, bool insert) {
    RunControl& control = target_->control;
    switch (p.kind) {
        case '0':
        case '1':  // there is no difference: neither changes the guest's memory
            return insert ? control.add_breakpoint(p.address) : control.remove_breakpoint(p.address);
        default: {
            const Watch kind = p.kind == '2' ? Watch::write : p.kind == '3' ? Watch::read : Watch::access;
            const Watchpoint w{p.address, p.length, kind};
            return insert ? control.add_watchpoint(w) : control.remove_watchpoint(w);
        }
    }
}

void GdbSession::point(std::string_view rest, bool insert) {
    const char kind = rest.empty() ? '\0' : rest.front();
    if (kind < '0' || kind > '4') return reply("");
    rest.remove_prefix(1);
    std::uint64_t address, length;
    if (!take_prefix(rest, ",") || !take_pair(rest, address, length)) return reply(kBadPacket);
    const Point p{kind, static_cast<std::uint32_t>(address),
                  kind < '2' ? 1 : static_cast<std::uint32_t>(length)};
    const auto known = std::find(points_.begin(), points_.end(), p);
    if (!insert && known == points_.end()) return reply(kBadPacket);
    if (!put_point(p, insert)) return reply(kBadPacket);
    if (insert)
        points_.push_back(p);
    else
        points_.erase(known);
    reply(kOk);
}

// --- registers and memory

/// Takes what write_register() has changed to the arena.
void GdbSession::store(const RegisterFile& file, const FpuImage& fpu) {
    target_->arena.cpu = file.cpu;
    if (file.fpu_changed) target_->control.set_fpu(fpu);
    if (file.state_replaced) target_->control.state_replaced();
}

void GdbSession::all_registers() {
    VCpu cpu = target_->guest.cpu();
    FpuImage fpu = target_->control.fpu();
    const RegisterFile file{cpu, fpu, target_->guest};
    std::string text;
    for (unsigned i = 0; i < kGdbRegisters; ++i) text += read_register(file, i).value_or("");
    reply(text);
}

void GdbSession::write_all_registers(std::string_view digits) {
    const auto bytes = from_hex(digits);
    if (!bytes) return reply(kBadPacket);
    VCpu cpu = target_->guest.cpu();
    FpuImage fpu = target_->control.fpu();
    RegisterFile file{cpu, fpu, target_->guest};
    std::size_t at = 0;
    for (unsigned i = 0; i < kGdbRegisters && at + register_size(i) <= bytes->size(); ++i) {
        write_register(file, i, std::string_view(*bytes).substr(at, register_size(i)));
        at += register_size(i);
    }
    store(file, fpu);
    reply(kOk);
}

void GdbSession::one_register(std::string_view rest) {
    const auto number = take_hex(rest);
    VCpu cpu = target_->guest.cpu();
    FpuImage fpu = target_->control.fpu();
    const auto value = number && *number < kGdbRegisters
                           ? read_register({cpu, fpu, target_->guest}, static_cast<unsigned>(*number))
                           : std::nullopt;
    reply(value.value_or(kBadMemory));
}

void GdbSession::write_one_register(std::string_view rest) {
    const auto number = take_hex(rest);
    if (!number || *number >= kGdbRegisters || !take_prefix(rest, "=")) return reply(kBadMemory);
    const auto bytes = from_hex(rest);
    VCpu cpu = target_->guest.cpu();
    FpuImage fpu = target_->control.fpu();
    RegisterFile file{cpu, fpu, target_->guest};
    if (!bytes || !write_register(file, static_cast<unsigned>(*number), *bytes)) return reply(kBadPacket);
    store(file, fpu);
    reply(kOk);
}

std::size_t GdbSession::read(std::uint32_t address, void* into, std::size_t bytes) const {
    return physical_memory_ ? target_->guest.read(gpa(address), into, bytes)
                            : target_->guest.read(gva(address), into, bytes);
}

std::size_t GdbSession::write(std::uint32_t address, const std::string& bytes) {
    return physical_memory_ ? target_->guest.write(gpa(address), bytes.data(), bytes.size())
                            : target_->guest.write(gva(address), bytes.data(), bytes.size());
}

void GdbSession::read_memory(std::string_view rest) {
    std::uint64_t address, length;
    if (!take_pair(rest, address, length)) return reply(kBadPacket);
    if (length == 0) return reply("");
    std::vector<std::uint8_t> bytes(std::min<std::uint64_t>(length, kMostPacket / 2 - 2));
    const std::size_t got = read(static_cast<std::uint32_t>(address), bytes.data(), bytes.size());
    if (got == 0) return reply(kBadMemory);
    reply(to_hex(std::span(bytes).first(got)));
}

void GdbSession::write_memory(std::string_view rest, bool binary) {
    std::uint64_t address, length;
    if (!take_pair(rest, address, length) || !take_prefix(rest, ":")) return reply(kBadPacket);
    const std::optional<std::string> bytes = binary ? unescape(rest) : from_hex(rest);
    if (!bytes || bytes->size() != length) return reply(kBadPacket);
    const bool written = write(static_cast<std::uint32_t>(address), *bytes) == bytes->size();
    reply(written ? kOk : kBadMemory);
}

// --- questions

void GdbSession::query(std::string_view q) {
    if (take_prefix(q, "Supported")) {
        multiprocess_ = q.find("multiprocess+") != std::string_view::npos;
        return reply(fmt::format("PacketSize={:x};qXfer:features:read+;vContSupported+;QStartNoAckMode+{}",
                                 kMostPacket, multiprocess_ ? ";multiprocess+" : ""));
    }
    if (q == "C") return reply(fmt::format("QC{}", thread()));
    if (q == "fThreadInfo") return reply(fmt::format("m{}", thread()));
    if (q == "sThreadInfo") return reply("l");
    if (take_prefix(q, "ThreadExtraInfo,")) {
        if (!names_our_thread(q)) return reply(kBadPacket);
        const bool halted = target_->arena.cpu.activity == Activity::halted;
        return reply(to_hex(std::string_view(halted ? "CPU#0 [halted ]" : "CPU#0 [running]")));
    }
    if (q == "Attached" || q.starts_with("Attached:")) return reply("1");
    if (take_prefix(q, "Xfer:features:read:")) return transfer_features(q);
    if (take_prefix(q, "Rcmd,")) return monitor_command(q);
    if (q == "qemu.PhyMemMode") return reply(physical_memory_ ? "1" : "0");
    if (q == "qemu.sstepbits") return reply("ENABLE=1,NOIRQ=2,NOTIMER=4");
    if (q == "qemu.sstep") return reply(fmt::format("0x{:x}", kStepBits));
    reply("");
}

void GdbSession::set(std::string_view q) {
    if (q == "StartNoAckMode") {
        reply(kOk);
        acks_ = false;
        return;
    }
    if (take_prefix(q, "qemu.PhyMemMode:")) {
        const auto mode = take_hex(q);
        if (!mode) return reply(kBadPacket);
        physical_memory_ = *mode != 0;
        return reply(kOk);
    }
    if (take_prefix(q, "qemu.sstep=")) {
        const auto bits = take_hex(q);
        return reply(bits && *bits == kStepBits ? kOk : kBadPacket);
    }
    reply("");
}

void GdbSession::transfer_features(std::string_view rest) {
    const std::size_t colon = rest.find(':');
    if (colon == std::string_view::npos) return reply(kBadPacket);
    const auto text = target_description(rest.substr(0, colon));
    rest.remove_prefix(colon + 1);
    std::uint64_t offset, length;
    if (!text) return reply("E00");
    if (!take_pair(rest, offset, length) || offset > text->size()) return reply(kBadPacket);
    const std::string_view part =
        std::string_view(*text).substr(offset, std::min<std::uint64_t>(length, kMostPacket - 2));
    reply(fmt::format("{}{}", offset + part.size() == text->size() ? 'l' : 'm', part));
}

void GdbSession::monitor_command(std::string_view digits) {
    const auto line = from_hex(digits);
    if (!line) return reply(kBadPacket);
    const std::string said = target_->monitor(*line);
    constexpr std::size_t kPart = kMostPacket / 4;
    for (std::size_t at = 0; at < said.size(); at += kPart)
        reply(fmt::format("O{}", to_hex(std::string_view(said).substr(at, kPart))));
    if (!over_) reply(kOk);
}

}  // namespace ringpress
