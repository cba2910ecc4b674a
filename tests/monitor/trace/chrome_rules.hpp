// What the trace event format demands of a file: "Trace Event Format", Google.  Times are compared in
// nanoseconds, of which the file has whole ones.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace ringpress::test {

class ChromeRules {
  public:
    /// The rules that a file breaks, each with the event that does; nothing if it is as it should be.
    static std::vector<std::string> broken_by(const std::string& text) {
        ChromeRules rules;
        rules.check(text);
        return rules.broken_;
    }

  private:
    using json = nlohmann::json;

    void demand(bool kept, const char* rule, const json& where) {
        if (!kept && broken_.size() < 5) broken_.push_back(fmt::format("{}: {}", rule, where.dump()));
    }
    /// Throws for what is no JSON, invalid UTF-8 included.
    json parse(const std::string& text) {
        std::vector<std::set<std::string>> keys;
        return json::parse(text, [&](int, json::parse_event_t event, json& value) {
            if (event == json::parse_event_t::object_start) keys.emplace_back();
            if (event == json::parse_event_t::object_end) keys.pop_back();
            if (event == json::parse_event_t::key)
                demand(keys.back().insert(value).second, "a key is there once", value);
            return true;
        });
    }
    static std::int64_t nanoseconds(const json& microseconds) {
        return std::llround(microseconds.get<double>() * 1000);
    }
    static bool is_time(const json& e, const char* key) {
        return e.contains(key) && e[key].is_number() && e[key].get<double>() >= 0;
    }

    void check(const std::string& text) {
        const json file = parse(text);
        demand(file.is_object() && file.contains("traceEvents") && file["traceEvents"].is_array(),
               "traceEvents is an array", nullptr);
        if (!broken_.empty()) return;
        if (file.contains("displayTimeUnit"))
            demand(file["displayTimeUnit"] == "ms" || file["displayTimeUnit"] == "ns",
                   "displayTimeUnit is ms or ns", file["displayTimeUnit"]);
        if (file.contains("otherData"))
            demand(file["otherData"].is_object(), "otherData is an object", file["otherData"]);
        for (const json& e : file["traceEvents"]) check_event(e);
        for (const auto& [track, open] : tracks_)
            demand(named_.count(track) == 1, "a track has a name", json::array({track.first, track.second}));
    }

    void check_event(const json& e) {
        demand(e.contains("ph") && e["ph"].is_string() && e["ph"].get<std::string>().size() == 1,
               "a phase is one letter", e);
        demand(e.contains("name") && e["name"].is_string() && !e["name"].get<std::string>().empty(),
               "an event has a name", e);
        demand(e.contains("pid") && e["pid"].is_number_integer(), "a process is a number", e);
        if (e.contains("tid")) demand(e["tid"].is_number_integer(), "a thread is a number", e);
        if (e.contains("args")) demand(e["args"].is_object(), "arguments are an object", e);
        if (e.contains("cat")) demand(e["cat"].is_string(), "categories are a string", e);
        if (!broken_.empty()) return;
        const std::string phase = e["ph"];
        if (phase != "M") demand(is_time(e, "ts"), "a time is a number of microseconds", e);
        if (!broken_.empty()) return;
        if (phase == "X")
            check_slice(e);
        else if (phase == "M")
            check_metadata(e);
        else if (phase == "C")
            check_counter(e);
        else if (phase == "i")
            demand(e.contains("s") && (e["s"] == "g" || e["s"] == "p" || e["s"] == "t"),
                   "an instant's scope is g, p or t", e);
        else
            demand(false, "a phase is known", e);
    }

    /// Slices of one track are disjoint, or one lies in the other.
    void check_slice(const json& e) {
        demand(e.contains("tid") && e.contains("cat"), "a slice has a thread and a category", e);
        demand(is_time(e, "dur"), "a duration is a number of microseconds", e);
        if (!broken_.empty()) return;
        const std::int64_t begin = nanoseconds(e["ts"]), end = begin + nanoseconds(e["dur"]);
        Track& track = tracks_[{e["pid"], e["tid"]}];
        demand(begin >= track.begin, "slices of a track come in the order of their begin", e);
        track.begin = begin;
        while (!track.open.empty() && track.open.back() <= begin) track.open.pop_back();
        demand(track.open.empty() || end <= track.open.back(), "slices of a track nest", e);
        track.open.push_back(end);
    }
    void check_metadata(const json& e) {
        const std::string name = e["name"];
        demand(name == "process_name" || name == "thread_name", "metadata is known", e);
        demand(e.contains("args") && e["args"].contains("name") && e["args"]["name"].is_string(),
               "metadata has its value", e);
        if (name == "thread_name")
            demand(named_.emplace(e["pid"].get<int>(), e["tid"].get<int>()).second, "a name is given once",
                   e);
    }
    void check_counter(const json& e) {
        demand(e.contains("args") && !e["args"].empty(), "a counter has values", e);
        if (!broken_.empty()) return;
        for (const json& value : e["args"]) demand(value.is_number(), "a counter's values are numbers", e);
        const std::int64_t at = nanoseconds(e["ts"]);
        const auto [last, first] = counters_.emplace(e["name"], -1);
        demand(last->second < at, "a counter has one value at a time, in order", e);
        last->second = at;
    }

    struct Track {
        std::int64_t begin = 0;
        std::vector<std::int64_t> open;  ///< ends of the slices that the last one lies in
    };
    std::map<std::pair<int, int>, Track> tracks_;
    std::set<std::pair<int, int>> named_;
    std::map<std::string, std::int64_t> counters_;
    std::vector<std::string> broken_;
};

}  // namespace ringpress::test
