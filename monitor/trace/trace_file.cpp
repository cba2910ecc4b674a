#include "monitor/trace/trace_file.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <charconv>
#include <deque>
#include <limits>
#include <stdexcept>
#include <unordered_map>

#include "monitor/trace/line_reader.hpp"
#include "monitor/trace/trace_format.hpp"
#include "monitor/trace/trap_causes.hpp"

namespace ringpress {
namespace {

namespace dom = simdjson::dom;

/// What is wrong with a line; the caller adds where it is.
struct Malformed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

template <class T>
T number(dom::element value, std::string_view key) {
    std::uint64_t n = 0;
    if (value.get(n) != simdjson::SUCCESS || n > std::numeric_limits<T>::max())
        throw Malformed(fmt::format("'{}' is not a number that fits", key));
    return static_cast<T>(n);
}

std::string_view text(dom::element value, std::string_view key) {
    std::string_view s;
    if (value.get(s) != simdjson::SUCCESS) throw Malformed(fmt::format("'{}' is not a text", key));
    return s;
}

std::uint32_t hex_digits(std::string_view digits, std::string_view key) {
    std::uint32_t n = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), n, 16);
    if (error != std::errc() || end != digits.data() + digits.size())
        throw Malformed(fmt::format("'{}' is not hexadecimal", key));
    return n;
}

/// "0x0012abcd", or a plain number.
std::uint32_t value_of(dom::element value, std::string_view key) {
    std::string_view s;
    if (value.get(s) != simdjson::SUCCESS) return number<std::uint32_t>(value, key);
    if (!s.starts_with("0x")) throw Malformed(fmt::format("'{}' is not hexadecimal", key));
    return hex_digits(s.substr(2), key);
}

struct PlaceHash {
    std::size_t operator()(const TracePlace& p) const {
        return (std::uint64_t{p.linear} << 32 ^ p.bytes * 0x9E3779B9u ^ p.insn) * 0x9E3779B97F4A7C15u >> 7;
    }
};

class Reader {
  public:
    explicit Reader(TraceFile& trace) : trace_(trace) { string(""); }

    void header(dom::element line);
    /// Any line but the first.
    void line(dom::element line);

  private:
    void trap(dom::object line);
    void state(std::string_view values, TraceEvent& event);
    void changed(dom::element value, TraceEvent& event);
    TraceString string(std::string_view s);

    TraceFile& trace_;
    std::deque<std::string> keys_;  ///< what the views in numbers_ look at
    std::unordered_map<std::string_view, TraceString> numbers_;
    std::unordered_map<TracePlace, std::uint32_t, PlaceHash> places_;
    unsigned machine_ = 0;
};

TraceString Reader::string(std::string_view s) {
    const auto found = numbers_.find(s);
    if (found != numbers_.end()) return found->second;
    const auto n = static_cast<TraceString>(trace_.strings.size());
    trace_.strings.emplace_back(s);
    numbers_.emplace(keys_.emplace_back(s), n);
    return n;
}

void Reader::header(dom::element line) {
    const auto get = [&](const char* key) {
        std::string_view s;
        return line[key].get(s) == simdjson::SUCCESS ? std::string(s) : std::string();
    };
    if (get("format") != kTraceFormat) throw Malformed("is no trace of ringpress");
    std::uint64_t version = 0;
    if (line["version"].get(version) != simdjson::SUCCESS || version != kTraceVersion) {
        throw Malformed(
            fmt::format("is a trace of version {}; this ringpress reads version {}", version, kTraceVersion));
    }
    trace_.kernel = get("kernel");
    trace_.engine = get("engine");
    trace_.sensitive = get("sensitive");
    trace_.started = get("started");
}

void Reader::line(dom::element line) {
    dom::object object;
    if (line.get(object) != simdjson::SUCCESS) throw Malformed("is not an object");
    dom::element value;
    if (object["n"].get(value) == simdjson::SUCCESS) {
        trap(object);
    } else if (object["gap"].get(value) == simdjson::SUCCESS) {
        trace_.gaps.push_back({trace_.events.size(), number<std::uint64_t>(value, "gap")});
    } else if (object["restart"].get(value) == simdjson::SUCCESS) {
        machine_ = number<std::uint32_t>(value, "restart");
    } else if (object["end"].get(value) == simdjson::SUCCESS) {
        trace_.complete = true;
        trace_.full = text(value, "end") == "size";
    }  // else something that a later ringpress has to say
}

void Reader::trap(dom::object line) {
    TraceEvent e;
    TracePlace place;
    bool has_linear = false, has_cause = false;
    for (const auto& [key, value] : line) {
        if (key == "n") {
            e.number = number<std::uint64_t>(value, key);
        } else if (key == "t") {
            e.guest_ns = number<std::uint64_t>(value, key);
        } else if (key == "host") {
            e.host_ns = number<std::uint64_t>(value, key);
        } else if (key == "cost") {
            e.cost_ns = number<std::uint32_t>(value, key);
        } else if (key == "cause") {
            const unsigned cause = cause_named(text(value, key));
            if (cause == kTrapCauses) throw Malformed("has a cause that does not exist");
            e.cause = static_cast<std::uint8_t>(cause);
            has_cause = true;
        } else if (key == "vector") {
            e.vector = number<std::uint8_t>(value, key);
        } else if (key == "error") {
            e.error = number<std::uint32_t>(value, key);
        } else if (key == "address") {
            e.address = value_of(value, key);
        } else if (key == "eip") {
            place.eip = value_of(value, key);
        } else if (key == "linear") {
            place.linear = value_of(value, key);
            has_linear = true;
        } else if (key == "insn") {
            place.insn = string(text(value, key));
        } else if (key == "text") {
            place.text = string(text(value, key));
        } else if (key == "bytes") {
            place.bytes = string(text(value, key));
        } else if (key == "symbol") {
            place.symbol = string(text(value, key));
        } else if (key == "cpl") {
            e.cpl = number<std::uint8_t>(value, key);
            if (e.cpl > 3) throw Malformed("has a privilege that does not exist");
        } else if (key == "handled") {
            e.handled = string(text(value, key));
        } else if (key == "burst") {
            e.burst = number<std::uint32_t>(value, key);
        } else if (key == "mapped") {
            e.mapped = number<std::uint32_t>(value, key);
        } else if (key == "proven") {
            e.proven = number<std::uint32_t>(value, key);
        } else if (key == "gates_made") {
            e.gates_made = number<std::uint32_t>(value, key);
        } else if (key == "reflected") {
            e.reflected = number<std::uint8_t>(value, key);
        } else if (key == "injected") {
            e.injected = number<std::uint8_t>(value, key);
        } else if (key == "state") {
            state(text(value, key), e);
        } else if (key == "changed") {
            changed(value, e);
        }
    }
    if (!has_cause) throw Malformed("has no cause");
    if (!has_linear) place.linear = place.eip;
    // The processor is one: a trap that began before the last one ended was not written by us.
    if (!trace_.events.empty() && e.host_ns < trace_.events.back().host_ns)
        throw Malformed("is earlier than the line before");
    const auto [at, added] = places_.emplace(place, static_cast<std::uint32_t>(trace_.places.size()));
    if (added) trace_.places.push_back(place);
    e.place = at->second;
    e.machine = static_cast<std::uint8_t>(std::min(machine_, 255u));
    trace_.events.push_back(e);
}

void Reader::state(std::string_view values, TraceEvent& event) {
    for (std::size_t i = 0; i < kStoredFields; ++i) {
        const std::size_t blank = std::min(values.find(' '), values.size());
        event.state[i] = hex_digits(values.substr(0, blank), "state");
        values.remove_prefix(std::min(blank + 1, values.size()));
    }
}

void Reader::changed(dom::element value, TraceEvent& event) {
    dom::object fields;
    if (value.get(fields) != simdjson::SUCCESS) throw Malformed("'changed' is not an object");
    if (event.changes) throw Malformed("has 'changed' twice");
    event.first_change = static_cast<std::uint32_t>(trace_.changes.size());
    for (const auto& [key, pair] : fields) {
        const std::size_t field = state_field_named(key);
        dom::element before, after;
        if (pair.at(0).get(before) != simdjson::SUCCESS || pair.at(1).get(after) != simdjson::SUCCESS)
            throw Malformed(fmt::format("'{}' has no before and after", key));
        if (field == kStateFields.size()) continue;  // of a later ringpress
        if (event.changes == kStateFields.size()) throw Malformed("has more changes than there are fields");
        trace_.changes.push_back(
            {static_cast<std::uint8_t>(field), value_of(before, key), value_of(after, key)});
        ++event.changes;
    }
}

}  // namespace

std::uint64_t TraceFile::lost() const {
    std::uint64_t sum = 0;
    for (const TraceGap& gap : gaps) sum += gap.lost;
    return sum;
}

TraceFile read_trace(const std::string& path) {
    TraceFile trace;
    LineReader lines(path);
    Reader reader(trace);
    dom::parser parser;
    std::string_view line;
    while (lines.next(line)) {
        const bool first = lines.number() == 1;
        try {
            dom::element value;
            // The reader keeps padding behind its buffer, so that the parser need not copy.
            static_assert(simdjson::SIMDJSON_PADDING <= 64);
            if (parser.parse(line.data(), line.size(), false).get(value) != simdjson::SUCCESS)
                throw Malformed("is not JSON");
            if (first) {
                reader.header(value);
                trace.header = line;
            } else {
                reader.line(value);
            }
        } catch (const Malformed& wrong) {
            if (first) {
                const std::string what = wrong.what();
                throw std::runtime_error(
                    fmt::format("'{}' {}", path, what == "is not JSON" ? "is no trace of ringpress" : what));
            }
            if (lines.cut()) break;
            throw std::runtime_error(
                fmt::format("'{}' is damaged: line {} {}", path, lines.number(), wrong.what()));
        }
    }
    if (lines.number() == 0) throw std::runtime_error(fmt::format("'{}' is empty, and no trace", path));
    return trace;
}

std::string_view instruction_of(const TraceFile& trace, const TracePlace& place) {
    if (place.insn) return trace.text(place.insn);
    const std::string_view text = trace.text(place.text);
    if (text.empty()) return "-";
    const std::size_t blank = text.find(' ');
    const std::string_view first = text.substr(0, blank);
    const bool prefix = first.starts_with("rep") || first == "lock";
    return prefix && blank != text.npos ? text.substr(0, text.find(' ', blank + 1)) : first;
}

std::string site_of(const TraceFile& trace, const TraceEvent& event) {
    const TracePlace& place = trace.place(event);
    return place.symbol ? std::string(trace.text(place.symbol)) : fmt::format("{:08x}", place.linear);
}

}  // namespace ringpress
