#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "monitor/trace/trace_convert.hpp"
#include "monitor/trace/trap_causes.hpp"

namespace ringpress {
namespace {

/// A frame of a folded stack: blanks would end the stack, semicolons the frame.
std::string frame(std::string_view text) {
    std::string f(text);
    std::replace(f.begin(), f.end(), ' ', '_');
    std::replace(f.begin(), f.end(), ';', ':');
    return f;
}

/// The function, so that all its sites make one frame; without symbols the address.
std::string function_of(const TraceFile& trace, const TraceEvent& event) {
    const std::string site = site_of(trace, event);
    return trace.place(event).symbol ? site.substr(0, site.rfind("+0x")) : site;
}

}  // namespace

void write_folded(const TraceFile& trace, OutputFile& out) {
    std::map<std::string, std::uint64_t> stacks;
    for (const TraceEvent& e : trace.events)
        stacks[frame(cause_name(e.cause)) + ';' + frame(instruction_of(trace, trace.place(e))) + ';' +
               frame(function_of(trace, e))] += e.cost_ns;
    for (const auto& [stack, ns] : stacks) out.put(fmt::format("{} {}\n", stack, ns));
}

std::string trap_text(const TraceFile& trace, const TraceEvent& e) {
    const TracePlace& place = trace.place(e);
    std::string line = fmt::format("{:>8} {:>14.6f} ms {:>8.2f} us  cpl {} {:08x}  {:<13} ", e.number,
                                   static_cast<double>(e.guest_ns) / 1e6, e.cost_ns / 1e3, e.cpl, place.eip,
                                   cause_name(e.cause));
    if (place.symbol) line += fmt::format(" <{}>", trace.text(place.symbol));
    if (place.text) line += fmt::format(" {}", trace.text(place.text));
    line += fmt::format(": {}", trace.text(e.handled));
    const auto named = [&](const char* what, std::uint8_t vector) {
        if (vector != TraceEvent::kNone) line += fmt::format(", {} {} {}", what, vector, vector_name(vector));
    };
    named("reflected", e.reflected);
    named("injected", e.injected);
    if (e.burst) line += fmt::format(", burst of {}", e.burst);
    for (unsigned i = 0; i < e.changes; ++i) {
        const TraceChange& c = trace.changes[e.first_change + i];
        line += fmt::format(" {} {:x}->{:x}", kStateFields[c.field].name, c.before, c.after);
    }
    return line;
}

void write_text(const TraceFile& trace, OutputFile& out) {
    std::size_t gap = 0;
    for (std::size_t i = 0; i < trace.events.size(); ++i) {
        for (; gap < trace.gaps.size() && trace.gaps[gap].before <= i; ++gap)
            out.put(fmt::format("({} traps lost)\n", trace.gaps[gap].lost));
        if (i && trace.events[i].machine != trace.events[i - 1].machine) out.put("(the guest was reset)\n");
        out.put(trap_text(trace, trace.events[i]) + "\n");
    }
}

}  // namespace ringpress
