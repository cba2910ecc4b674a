#include "monitor/trace/trace_summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "monitor/trace/trap_causes.hpp"

namespace ringpress {
namespace {

/// Rows by what `key` says of an event; `name` makes the row's texts of its first event.
template <class Key, class Name>
std::vector<TraceRow> table(const TraceFile& trace, Key key, Name name) {
    struct Group {
        const TraceEvent* first;
        std::vector<std::uint32_t> costs;
    };
    std::unordered_map<std::decay_t<decltype(key(trace.events[0]))>, Group> groups;
    for (const TraceEvent& e : trace.events) {
        Group& g = groups.try_emplace(key(e), Group{&e, {}}).first->second;
        g.costs.push_back(e.cost_ns);
    }
    std::vector<TraceRow> rows;
    for (auto& [k, g] : groups) {
        TraceRow row;
        name(*g.first, row);
        std::sort(g.costs.begin(), g.costs.end());
        row.count = g.costs.size();
        for (const std::uint32_t cost : g.costs) row.total_ns += cost;
        row.median_ns = g.costs[(row.count - 1) / 2];
        row.p99_ns = g.costs[(row.count - 1) * 99 / 100];
        row.most_ns = g.costs.back();
        rows.push_back(std::move(row));
    }
    std::sort(rows.begin(), rows.end(), [](const TraceRow& a, const TraceRow& b) {
        return a.total_ns != b.total_ns ? a.total_ns > b.total_ns : a.what < b.what;
    });
    return rows;
}

std::string rows_text(std::string_view title, const std::vector<TraceRow>& rows, std::size_t most,
                      std::uint64_t total_ns) {
    std::string text = fmt::format("\n{:<40} {:>10} {:>12} {:>6} {:>9} {:>9} {:>10}\n", title, "count",
                                   "total ms", "%", "median us", "p99 us", "most us");
    for (std::size_t i = 0; i < std::min(most, rows.size()); ++i) {
        const TraceRow& r = rows[i];
        text += fmt::format(
            "  {:<38} {:>10} {:>12.3f} {:>6.1f} {:>9.2f} {:>9.2f} {:>10.2f}{}{}\n", r.what, r.count,
            static_cast<double>(r.total_ns) / 1e6,
            total_ns ? 100.0 * static_cast<double>(r.total_ns) / static_cast<double>(total_ns) : 0.0,
            r.median_ns / 1e3, r.p99_ns / 1e3, r.most_ns / 1e3, r.detail.empty() ? "" : "  ", r.detail);
    }
    if (rows.size() > most) text += fmt::format("  ({} more)\n", rows.size() - most);
    return text;
}

nlohmann::ordered_json rows_json(const std::vector<TraceRow>& rows, std::size_t most) {
    auto list = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < std::min(most, rows.size()); ++i) {
        const TraceRow& r = rows[i];
        nlohmann::ordered_json row;
        row["what"] = r.what;
        if (!r.detail.empty()) row["detail"] = r.detail;
        row["count"] = r.count;
        row["total_ns"] = r.total_ns;
        row["median_ns"] = r.median_ns;
        row["p99_ns"] = r.p99_ns;
        row["most_ns"] = r.most_ns;
        list.push_back(std::move(row));
    }
    return list;
}

}  // namespace

TraceSummary summarise(const TraceFile& trace) {
    TraceSummary s;
    s.count = trace.events.size();
    s.lost = trace.lost();
    s.complete = trace.complete;
    s.full = trace.full;
    for (const TraceEvent& e : trace.events) s.total_ns += e.cost_ns;
    if (s.count) {
        const TraceEvent& last = trace.events.back();
        s.span_ns = last.host_ns + last.cost_ns - trace.events.front().host_ns;
    }
    s.causes = table(
        trace, [](const TraceEvent& e) { return e.cause; },
        [](const TraceEvent& e, TraceRow& row) { row.what = cause_name(e.cause); });
    s.instructions = table(
        trace, [&](const TraceEvent& e) { return instruction_of(trace, trace.place(e)); },
        [&](const TraceEvent& e, TraceRow& row) { row.what = instruction_of(trace, trace.place(e)); });
    s.sites = table(
        trace, [&](const TraceEvent& e) { return trace.place(e).linear; },
        [&](const TraceEvent& e, TraceRow& row) {
            row.what = site_of(trace, e);
            row.detail = trace.text(trace.place(e).text);
        });
    return s;
}

std::string summary_text(const TraceSummary& s, std::size_t sites) {
    if (s.count == 0) return "The trace holds no traps.\n";
    std::string text = fmt::format(
        "{} traps in {:.3f} s, {:.3f} s of them in the monitor ({:.1f} %)\n", s.count,
        static_cast<double>(s.span_ns) / 1e9, static_cast<double>(s.total_ns) / 1e9,
        s.span_ns ? 100.0 * static_cast<double>(s.total_ns) / static_cast<double>(s.span_ns) : 0.0);
    if (s.lost)
        text +=
            fmt::format("{} traps more are missing: they came faster than they could be written\n", s.lost);
    if (s.full) text += "The trace ended when it had reached its size, before the guest did.\n";
    if (!s.complete) text += "The trace was cut off: its end is missing.\n";
    text += rows_text("Cause", s.causes, s.causes.size(), s.total_ns);
    text += rows_text("Instruction", s.instructions, s.instructions.size(), s.total_ns);
    text += rows_text("Site", s.sites, sites, s.total_ns);
    return text;
}

std::string summary_json(const TraceSummary& s, std::size_t sites) {
    nlohmann::ordered_json json;
    json["traps"] = s.count;
    json["lost"] = s.lost;
    json["monitor_ns"] = s.total_ns;
    json["span_ns"] = s.span_ns;
    json["complete"] = s.complete;
    json["causes"] = rows_json(s.causes, s.causes.size());
    json["instructions"] = rows_json(s.instructions, s.instructions.size());
    json["sites"] = rows_json(s.sites, sites);
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace ringpress
