#include "monitor/trace/trace_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "monitor/trace/packed_columns.hpp"
#include "monitor/trace/trap_causes.hpp"
#include "traps/instruction.hpp"

#define RINGPRESS_PAGE_PART(name) extern "C" const char name##_begin[], name##_end[]
RINGPRESS_PAGE_PART(ringpress_page_html);
RINGPRESS_PAGE_PART(ringpress_page_css);
RINGPRESS_PAGE_PART(ringpress_page_data_js);
RINGPRESS_PAGE_PART(ringpress_page_filter_js);
RINGPRESS_PAGE_PART(ringpress_page_timeline_js);
RINGPRESS_PAGE_PART(ringpress_page_tables_js);
RINGPRESS_PAGE_PART(ringpress_page_list_js);
RINGPRESS_PAGE_PART(ringpress_page_details_js);
RINGPRESS_PAGE_PART(ringpress_page_main_js);
#undef RINGPRESS_PAGE_PART

namespace ringpress {
namespace {

using nlohmann::ordered_json;

std::string_view part(const char* begin, const char* end) {
    return {begin, static_cast<std::size_t>(end - begin)};
}
#define PART(name) part(name##_begin, name##_end)

std::string script() {
    std::string text;
    for (const std::string_view p :
         {PART(ringpress_page_data_js), PART(ringpress_page_filter_js), PART(ringpress_page_timeline_js),
          PART(ringpress_page_tables_js), PART(ringpress_page_list_js), PART(ringpress_page_details_js),
          PART(ringpress_page_main_js)})
        text += p;
    return text;
}

/// The values of one field of all events, as one array.
template <class T, class Of>
std::vector<T> column(const std::vector<TraceEvent>& events, Of of) {
    std::vector<T> values;
    values.reserve(events.size());
    for (const TraceEvent& e : events) values.push_back(static_cast<T>(of(e)));
    return values;
}

template <class T, class Of>
void add(PackedColumns& packed, std::string_view name, const TraceFile& trace, Of of) {
    packed.add(name, std::span<const T>(column<T>(trace.events, of)));
}

/// Times, as differences to the one before; they may go back where the guest was reset.
template <class Of>
void add_times(PackedColumns& packed, const std::string& name, const TraceFile& trace, Of of) {
    std::vector<std::uint32_t> low, high;
    std::uint64_t before = 0;
    for (const TraceEvent& e : trace.events) {
        const std::uint64_t difference = of(e) - before;
        before = of(e);
        low.push_back(static_cast<std::uint32_t>(difference));
        high.push_back(static_cast<std::uint32_t>(difference >> 32));
    }
    packed.add(name + "_low", std::span<const std::uint32_t>(low));
    packed.add(name + "_high", std::span<const std::uint32_t>(high));
}

void add_events(PackedColumns& packed, const TraceFile& trace) {
    using u8 = std::uint8_t;
    using u32 = std::uint32_t;
    add_times(packed, "host", trace, [](auto& e) { return e.host_ns; });
    add_times(packed, "guest", trace, [](auto& e) { return e.guest_ns; });
    add<u32>(packed, "number", trace, [](auto& e) { return e.number; });
    add<u32>(packed, "cost", trace, [](auto& e) { return e.cost_ns; });
    add<u32>(packed, "place", trace, [](auto& e) { return e.place; });
    add<u32>(packed, "address", trace, [](auto& e) { return e.address; });
    add<u32>(packed, "error", trace, [](auto& e) { return e.error; });
    add<u32>(packed, "burst", trace, [](auto& e) { return e.burst; });
    add<u32>(packed, "mapped", trace, [](auto& e) { return e.mapped; });
    add<u32>(packed, "proven", trace, [](auto& e) { return e.proven; });
    add<u32>(packed, "gates_made", trace, [](auto& e) { return e.gates_made; });
    add<u32>(packed, "handled", trace, [](auto& e) { return e.handled; });
    add<u8>(packed, "cause", trace, [](auto& e) { return e.cause; });
    add<u8>(packed, "vector", trace, [](auto& e) { return e.vector; });
    add<u8>(packed, "cpl", trace, [](auto& e) { return e.cpl; });
    add<u8>(packed, "reflected", trace, [](auto& e) { return e.reflected; });
    add<u8>(packed, "injected", trace, [](auto& e) { return e.injected; });
    add<u8>(packed, "changes", trace, [](auto& e) { return e.changes; });
    for (std::size_t f = 0; f < kStoredFields; ++f) {
        u32 before = 0;
        add<u32>(packed, fmt::format("state_{}", f), trace,
                 [&](auto& e) { return std::exchange(before, e.state[f]) ^ e.state[f]; });
    }
}

/// Changes of events in order: the page adds up how many each one has.
void add_changes(PackedColumns& packed, const TraceFile& trace) {
    std::vector<std::uint8_t> field;
    std::vector<std::uint32_t> before, after;
    for (const TraceChange& c : trace.changes) {
        field.push_back(c.field);
        before.push_back(c.before);
        after.push_back(c.after);
    }
    packed.add("change_field", std::span<const std::uint8_t>(field));
    packed.add("change_before", std::span<const std::uint32_t>(before));
    packed.add("change_after", std::span<const std::uint32_t>(after));
}

/// Places, with the names of their instructions; those are put behind the trace's own strings.
void add_places(PackedColumns& packed, const TraceFile& trace, std::vector<std::string>& strings) {
    const auto one = [&](const char* name, std::uint32_t TracePlace::*member) {
        std::vector<std::uint32_t> values;
        for (const TracePlace& p : trace.places) values.push_back(p.*member);
        packed.add(name, std::span<const std::uint32_t>(values));
    };
    one("place_eip", &TracePlace::eip);
    one("place_linear", &TracePlace::linear);
    one("place_insn", &TracePlace::insn);
    one("place_text", &TracePlace::text);
    one("place_bytes", &TracePlace::bytes);
    one("place_symbol", &TracePlace::symbol);
    std::map<std::string_view, std::uint32_t> numbers;
    std::vector<std::uint32_t> names;
    for (const TracePlace& p : trace.places) {
        const auto [at, added] =
            numbers.emplace(instruction_of(trace, p), static_cast<std::uint32_t>(strings.size()));
        if (added) strings.emplace_back(at->first);
        names.push_back(at->second);
    }
    packed.add("place_name", std::span<const std::uint32_t>(names));
}

/// What the page knows besides the traps: the tables of ringpress, and the header.
ordered_json describe(const TraceFile& trace, const std::vector<std::string>& strings,
                      const PackedColumns& packed) {
    ordered_json meta;
    meta["kernel"] = trace.kernel;
    meta["engine"] = trace.engine;
    meta["sensitive"] = trace.sensitive;
    meta["started"] = trace.started;
    std::string arguments;
    const auto header = nlohmann::json::parse(trace.header, nullptr, false);
    if (header.is_object() && header.contains("arguments") && header["arguments"].is_array()) {
        for (const auto& a : header["arguments"])
            if (a.is_string()) arguments += (arguments.empty() ? "" : " ") + a.get<std::string>();
    }
    meta["arguments"] = arguments;
    meta["count"] = trace.events.size();
    meta["lost"] = trace.lost();
    meta["full"] = trace.full;
    meta["complete"] = trace.complete;
    for (const CauseInfo& c : trap_causes())
        meta["causes"].push_back({{"name", c.name}, {"why", c.why}, {"sdm", c.sdm}});
    for (unsigned v = 0; v < 32; ++v) meta["vectors"].push_back(vector_name(v));
    for (auto i = static_cast<unsigned>(InsnId::innocuous) + 1; i < static_cast<unsigned>(InsnId::count_);
         ++i) {
        const InsnInfo& insn = info(static_cast<InsnId>(i));
        meta["instructions"][std::string(insn.mnemonic)] = {
            {"class", class_name(insn.insn_class)}, {"sdm", insn.sdm}, {"effect", insn.effect}};
    }
    for (const StateField& field : kStateFields)
        meta["fields"].push_back({{"name", field.name}, {"digits", field.digits}});
    meta["stored"] = kStoredFields;
    meta["strings"] = strings;
    for (const auto& c : packed.columns()) meta["columns"].push_back({c.name, c.type, c.length});
    return meta;
}

/// Nothing in it can end the element that holds it.
std::string inside_script(std::string json) {
    std::string text;
    for (const char c : json) {
        if (c == '<')
            text += "\\u003c";
        else
            text += c;
    }
    return text;
}

std::string inside_html(const std::string& plain) {
    std::string text;
    for (const char c : plain) {
        switch (c) {
            case '<': text += "&lt;"; break;
            case '&': text += "&amp;"; break;
            default: text += c;
        }
    }
    return text;
}

}  // namespace

void write_report(const TraceFile& trace, OutputFile& out) {
    PackedColumns packed;
    add_events(packed, trace);
    add_changes(packed, trace);
    std::vector<std::string> strings = trace.strings;
    add_places(packed, trace, strings);
    const std::string data = packed.finish();
    const std::string meta = inside_script(
        describe(trace, strings, packed).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    const std::string name = trace.kernel.substr(trace.kernel.rfind('/') + 1);

    // The page with its {{parts}} put in.
    std::string_view rest = PART(ringpress_page_html);
    for (;;) {
        const std::size_t open = rest.find("{{");
        if (open == rest.npos) break;
        const std::size_t close = rest.find("}}", open);
        out.put(rest.substr(0, open));
        const std::string_view what = rest.substr(open + 2, close - open - 2);
        if (what == "title") out.put(inside_html("ringpress: " + name));
        if (what == "style") out.put(PART(ringpress_page_css));
        if (what == "meta") out.put(meta);
        if (what == "data") out.put(data);
        if (what == "script") out.put(script());
        rest.remove_prefix(close + 2);
    }
    out.put(rest);
}

}  // namespace ringpress
