#include "monitor/trace/trace_writer.hpp"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "monitor/trace/json_text.hpp"
#include "monitor/trace/state_fields.hpp"
#include "monitor/trace/trace_format.hpp"
#include "monitor/trace/trap_causes.hpp"
#include "monitor/tsc_frequency.hpp"
#include "shadow/fault.hpp"
#include "traps/instruction.hpp"

namespace ringpress {
namespace {

constexpr std::size_t kPlaces = 16384;
/// Room that is kept for the last line.
constexpr std::uint64_t kEndBytes = 256;

void add_number(std::string& to, std::uint64_t value) {
    const fmt::format_int text(value);
    to.append(text.data(), text.size());
}

void add_digits(std::string& to, std::uint32_t value, unsigned digits) {
    char text[8];
    for (unsigned i = 0; i < digits; ++i) text[i] = "0123456789abcdef"[value >> (4 * (digits - 1 - i)) & 15u];
    to.append(text, digits);
}

/// "0x0012abcd", in quotes: JSON has no hexadecimal numbers.
void add_hex(std::string& to, std::uint32_t value, unsigned digits) {
    to += "\"0x";
    add_digits(to, value, digits);
    to += '"';
}

void add_value(std::string& to, const StateField& field, std::uint32_t value) {
    if (field.digits)
        add_hex(to, value, field.digits);
    else
        add_number(to, value);
}

/// The state before the trap, whole: the header names the values.
void add_state(std::string& to, const TracedState& s) {
    to += ",\"state\":\"";
    for (std::size_t i = 0; i < kStoredFields; ++i) {
        if (i) to += ' ';
        add_digits(to, kStateFields[i].of(s), kStateFields[i].digits);
    }
    to += '"';
}

void add_changes(std::string& to, const TracedState& before, const TracedState& after) {
    to += ",\"changed\":{";
    bool first = true;
    for (const StateField& field : kStateFields) {
        const std::uint32_t was = field.of(before), is = field.of(after);
        if (was == is) continue;
        if (!first) to += ',';
        first = false;
        to += '"';
        to += field.name;
        to += "\":[";
        add_value(to, field, was);
        to += ',';
        add_value(to, field, is);
        to += ']';
    }
    to += '}';
}

std::string_view handled(const TraceRecord& r) {
    const auto cause = static_cast<TrapCause>(r.trap.cause);
    if (cause == TrapCause::gate) return trap_causes()[r.trap.cause].handled;
    if (r.reflected != TraceRecord::kNoVector) return "reflected";
    if (cause == TrapCause::interrupt && r.injected != TraceRecord::kNoVector) return "injected";
    // A page that needs software: the fault began as one that a mapping would have answered.
    return trap_causes()[r.trap.cause].handled;
}

std::string_view engine_name(Engine engine) {
    return engine == Engine::ptrace ? "ptrace" : "seccomp";
}

std::string_view level_name(Sensitive level) {
    switch (level) {
        case Sensitive::ignore: return "ignore";
        case Sensitive::trap: return "trap";
        case Sensitive::inline_: break;
    }
    return "inline";
}

}  // namespace

TraceWriter::TraceWriter(const RunConfig& config)
    : file_(config.trace_file),
      most_bytes_(config.trace_bytes),
      tsc_hz_(tsc_frequency()),
      tsc_start_(__rdtsc()),
      fd_(open(config.trace_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)),
      places_(kPlaces) {
    if (!fd_) {
        throw std::runtime_error(
            fmt::format("cannot write the trace '{}' (-trace): {}", file_, std::strerror(errno)));
    }
    write_header(config);
    flush();
    if (state_ == State::failed) {
        throw std::runtime_error(
            fmt::format("cannot write the trace '{}' (-trace): {}", file_, std::strerror(error_)));
    }
}

TraceWriter::~TraceWriter() {
    if (state_ == State::open) write_end();
    flush();
}

void TraceWriter::write_header(const RunConfig& config) {
    nlohmann::ordered_json h;
    h["format"] = kTraceFormat;
    h["version"] = kTraceVersion;
    h["kernel"] = config.kernel;
    h["arguments"] = config.arguments;
    h["engine"] = engine_name(config.engine);
    h["sensitive"] = level_name(config.sensitive);
    h["user_code"] = config.user_code == UserCode::direct ? "direct" : "view";
    h["machine"] = config.board == Board::isapc ? "isapc" : "pc";
    h["memory"] = config.ram_bytes;
    h["items"] = config.log_items.empty() ? std::vector<std::string>{"trap"} : config.log_items;
    h["started"] = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
    h["time_unit"] = "ns";
    h["tsc_hz"] = tsc_hz_;
    for (std::size_t i = 0; i < kStoredFields; ++i) h["state"].push_back(kStateFields[i].name);
    h["most_bytes"] = most_bytes_;
    buffer_ += h.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    buffer_ += '\n';
}

/// What is always last, so that a trace that was cut off can be told.
void TraceWriter::write_end() {
    buffer_ += fmt::format("{{\"end\":\"{}\",\"traps\":{},\"lost\":{}}}\n",
                           state_ == State::full ? "size" : "run", number_ - lost_, lost_);
}

void TraceWriter::name_with(const SymbolTable& symbols) {
    symbols_ = symbols;
    for (CachedPlace& place : places_) place.text.clear();
}

void TraceWriter::machine_starts() {
    if (machines_++ == 0 || closed()) return;
    buffer_ +=
        fmt::format("{{\"restart\":{},\"host\":{}}}\n", machines_ - 1, nanoseconds(__rdtsc() - tsc_start_));
}

std::uint64_t TraceWriter::nanoseconds(std::uint64_t ticks) const {
    return static_cast<std::uint64_t>(static_cast<unsigned __int128>(ticks) * 1'000'000'000u / tsc_hz_);
}

void TraceWriter::gap(std::uint64_t lost) {
    if (closed()) return;
    number_ += lost;
    lost_ += lost;
    buffer_ += fmt::format("{{\"gap\":{}}}\n", lost);
}

void TraceWriter::put(const TraceRecord& r) {
    if (closed()) return;
    std::string& b = buffer_;
    const std::size_t before = b.size();
    b += "{\"n\":";
    add_number(b, number_);
    b += ",\"t\":";
    add_number(b, r.guest_ns);
    b += ",\"host\":";
    // Never back: readers rely on it, and the core may write anything.
    if (r.tsc > tsc_start_) host_ns_ = std::max(host_ns_, nanoseconds(r.tsc - tsc_start_));
    add_number(b, host_ns_);
    b += ",\"cost\":";
    add_number(b, nanoseconds(r.ticks));
    b += ",\"cause\":\"";
    b += cause_name(r.trap.cause);
    b += '"';
    const auto cause = static_cast<TrapCause>(r.trap.cause);
    if (cause != TrapCause::gate && cause != TrapCause::interrupt) {
        b += ",\"vector\":";
        add_number(b, r.trap.vector);
        if (has_error_code(static_cast<Vector>(r.trap.vector))) {
            b += ",\"error\":";
            add_number(b, r.trap.error);
        }
        if (static_cast<Vector>(r.trap.vector) == Vector::PF) {
            b += ",\"address\":";
            add_hex(b, r.trap.address, 8);
        }
    }
    b += place(r);
    b += ",\"cpl\":";
    add_number(b, r.trap.cpl);
    b += ",\"cr3\":";
    add_hex(b, r.before.cr3, 8);
    b += ",\"handled\":\"";
    b += handled(r);
    b += '"';
    const auto count = [&](const char* key, std::uint32_t value) {
        if (!value) return;
        b += key;
        add_number(b, value);
    };
    count(",\"burst\":", r.burst);
    count(",\"mapped\":", r.mapped);
    count(",\"proven\":", r.proven);
    count(",\"gates_made\":", r.gates_made);
    if (r.reflected != TraceRecord::kNoVector) {
        b += ",\"reflected\":";
        add_number(b, r.reflected);
    }
    if (r.injected != TraceRecord::kNoVector) {
        b += ",\"injected\":";
        add_number(b, r.injected);
    }
    add_state(b, r.before);
    add_changes(b, r.before, r.after);
    b += "}\n";
    if (bytes_ + b.size() + kEndBytes > most_bytes_) {
        b.resize(before);
        state_ = State::full;
        write_end();
        return;
    }
    ++number_;
}

/// The members that only depend on where the trap is; each begins with a comma.
const std::string& TraceWriter::place(const TraceRecord& r) {
    Place key{r.trap.eip, r.linear, r.trap.insn, r.flags, r.code_bytes, {}};
    std::copy_n(r.code, r.code_bytes, key.code);
    std::uint64_t head;
    std::memcpy(&head, key.code, sizeof head);
    const std::uint64_t hash = (head ^ std::uint64_t{key.linear} << 7 ^ key.insn) * 0x9E3779B97F4A7C15u;
    CachedPlace& cached = places_[hash >> 50];
    static_assert(kPlaces == 1u << (64 - 50));
    if (cached.text.empty() || cached.key != key) cached = {key, describe_place(r)};
    return cached.text;
}

std::string TraceWriter::describe_place(const TraceRecord& r) {
    std::string text;
    const auto id = static_cast<InsnId>(r.trap.insn);
    if (id > InsnId::innocuous) text += fmt::format(",\"insn\":{}", json_text(name(id)));
    const unsigned code_size = r.flags & TraceRecord::kCode16 ? 2 : 4;
    const unsigned length = decoder_.decode(r.code, r.code_bytes, code_size).length;
    if (length) {
        text += ",\"bytes\":\"";
        for (unsigned i = 0; i < length; ++i) text += fmt::format("{:02x}", r.code[i]);
        text +=
            fmt::format("\",\"text\":{}", json_text(decoder_.text(r.code, length, r.trap.eip, code_size)));
    }
    text += ",\"eip\":";
    add_hex(text, r.trap.eip, 8);
    if (r.linear != r.trap.eip) {
        text += ",\"linear\":";
        add_hex(text, r.linear, 8);
    }
    const std::string symbol = symbols_.name_of(r.linear);
    if (!symbol.empty()) text += ",\"symbol\":" + json_text(symbol);
    return text;
}

void TraceWriter::flush() {
    std::size_t written = 0;
    while (state_ != State::failed && written < buffer_.size()) {
        const ssize_t n = write(fd_.get(), buffer_.data() + written, buffer_.size() - written);
        if (n > 0) {
            written += static_cast<std::size_t>(n);
        } else if (errno != EINTR) {
            state_ = State::failed;
            error_ = n < 0 ? errno : EIO;
        }
    }
    bytes_ += written;
    buffer_.clear();
}

std::string TraceWriter::complaint() const {
    if (state_ == State::failed)
        return fmt::format("the trace '{}' ends early: {}", file_, std::strerror(error_));
    if (state_ == State::full)
        return fmt::format(
            "the trace '{}' ends early: it has reached its size; choose traps with -d, or give it more with "
            "-trace FILE,size=...",
            file_);
    if (lost_ != 0)
        return fmt::format("the trace '{}' lacks {} of {} traps: they came faster than they could be written",
                           file_, lost_, number_);
    return "";
}

}  // namespace ringpress
