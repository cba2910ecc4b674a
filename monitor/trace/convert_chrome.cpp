// The format: "Trace Event Format", Google.  Times are microseconds, as decimal fractions.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "monitor/trace/json_text.hpp"
#include "monitor/trace/trace_convert.hpp"
#include "monitor/trace/trap_causes.hpp"

namespace ringpress {
namespace {

constexpr int kMonitorTrack = 1, kGuestTrack = 2;
constexpr std::uint64_t kCounterStep = 10'000'000;  // ns

std::string microseconds(std::uint64_t ns) {
    return fmt::format("{}.{:03}", ns / 1000, ns % 1000);
}

class ChromeWriter {
  public:
    ChromeWriter(const TraceFile& trace, OutputFile& out) : trace_(trace), out_(out) {}

    void write() {
        out_.put(
            fmt::format("{{\"displayTimeUnit\":\"ns\",\"otherData\":{},\"traceEvents\":[\n", trace_.header));
        name("process_name", 0, "ringpress: " + trace_.kernel);
        name("thread_name", kMonitorTrack, "monitor");
        name("thread_name", kGuestTrack, "guest halted");
        std::size_t gap = 0;
        for (std::size_t i = 0; i < trace_.events.size(); ++i) {
            const TraceEvent& e = trace_.events[i];
            for (; gap < trace_.gaps.size() && trace_.gaps[gap].before <= i; ++gap)
                instant(fmt::format("{} traps lost", trace_.gaps[gap].lost), e.host_ns);
            if (i && e.machine != trace_.events[i - 1].machine) instant("reset", e.host_ns);
            count(e);
            // Both ends were rounded: not beyond the next one's beginning.
            const std::uint64_t next =
                i + 1 < trace_.events.size() ? trace_.events[i + 1].host_ns : ~std::uint64_t{0};
            const std::uint64_t length = std::min<std::uint64_t>(e.cost_ns, next - e.host_ns);
            trap(e, length);
            halts(e, e.host_ns + length);
        }
        if (!trace_.events.empty()) flush_counter(trace_.events.back().host_ns);
        out_.put("\n]}\n");
    }

  private:
    void event(const std::string& text) {
        out_.put(first_ ? text : ",\n" + text);
        first_ = false;
    }
    void name(const char* what, int track, const std::string& value) {
        event(fmt::format("{{\"ph\":\"M\",\"pid\":1,\"tid\":{},\"name\":\"{}\",\"args\":{{\"name\":{}}}}}",
                          track, what, json_text(value)));
    }
    void instant(const std::string& what, std::uint64_t at) {
        event(fmt::format("{{\"ph\":\"i\",\"s\":\"p\",\"pid\":1,\"tid\":{},\"ts\":{},\"name\":{}}}",
                          kMonitorTrack, microseconds(at), json_text(what)));
    }
    void slice(int track, std::string_view name, std::string_view category, std::uint64_t from,
               std::uint64_t length, const std::string& arguments) {
        event(fmt::format(
            "{{\"ph\":\"X\",\"pid\":1,\"tid\":{},\"ts\":{},\"dur\":{},\"name\":{},\"cat\":{},\"args\":{{{}}}}"
            "}",
            track, microseconds(from), microseconds(length), json_text(name), json_text(category),
            arguments));
    }

    void trap(const TraceEvent& e, std::uint64_t length) {
        const std::string_view cause = cause_name(e.cause),
                               instruction = instruction_of(trace_, trace_.place(e));
        const TracePlace& place = trace_.place(e);
        std::string a = fmt::format("\"n\":{},\"eip\":\"{:#010x}\",\"cpl\":{},\"handled\":{}", e.number,
                                    place.eip, e.cpl, json_text(trace_.text(e.handled)));
        if (place.symbol) a += ",\"symbol\":" + json_text(trace_.text(place.symbol));
        if (place.text) a += ",\"text\":" + json_text(trace_.text(place.text));
        if (e.burst) a += fmt::format(",\"burst\":{}", e.burst);
        if (e.reflected != TraceEvent::kNone) a += fmt::format(",\"reflected\":{}", e.reflected);
        if (e.injected != TraceEvent::kNone) a += fmt::format(",\"injected\":{}", e.injected);
        // In an object of their own: EIP and CPL are there under the same names.
        std::string changed;
        for (unsigned i = 0; i < e.changes; ++i) {
            const TraceChange& c = trace_.changes[e.first_change + i];
            changed += fmt::format("{}\"{}\":\"{:x} -> {:x}\"", i ? "," : "", kStateFields[c.field].name,
                                   c.before, c.after);
        }
        if (e.changes) a += fmt::format(",\"changed\":{{{}}}", changed);
        slice(kMonitorTrack, instruction == "-" ? cause : instruction, cause, e.host_ns, length, a);
    }

    /// From the end of the trap that halted the guest to the beginning of what wakes it up.
    void halts(const TraceEvent& e, std::uint64_t end) {
        constexpr std::size_t kHalted = state_field_named("halted");
        static_assert(kHalted < kStateFields.size());
        if (halted_) slice(kGuestTrack, "halted", "halted", halted_since_, e.host_ns - halted_since_, "");
        halted_ = false;
        for (unsigned i = 0; i < e.changes; ++i) {
            const TraceChange& c = trace_.changes[e.first_change + i];
            if (c.field == kHalted) halted_ = c.after != 0;
        }
        halted_since_ = end;
    }

    void count(const TraceEvent& e) {
        if (e.host_ns - counted_from_ >= kCounterStep) flush_counter(e.host_ns);
        ++counts_[e.cause];
    }
    void flush_counter(std::uint64_t now) {
        counter(counted_from_, counts_);
        // A counter holds its value until the next one comes.
        if (now - counted_from_ >= 2 * kCounterStep) counter(counted_from_ + kCounterStep, {});
        counts_ = {};
        counted_from_ = now - now % kCounterStep;
    }
    void counter(std::uint64_t at, const std::array<std::uint64_t, kTrapCauses>& counts) {
        std::string values;
        for (unsigned i = 0; i < kTrapCauses; ++i)
            values += fmt::format("{}{}:{}", i ? "," : "",
                                  json_text(cause_name(static_cast<std::uint8_t>(i))), counts[i]);
        event(fmt::format("{{\"ph\":\"C\",\"pid\":1,\"ts\":{},\"name\":\"traps in 10 ms\",\"args\":{{{}}}}}",
                          microseconds(at), values));
    }

    const TraceFile& trace_;
    OutputFile& out_;
    bool first_ = true, halted_ = false;
    std::uint64_t halted_since_ = 0, counted_from_ = 0;
    std::array<std::uint64_t, kTrapCauses> counts_ = {};
};

}  // namespace

void write_chrome(const TraceFile& trace, OutputFile& out) {
    ChromeWriter(trace, out).write();
}

}  // namespace ringpress
