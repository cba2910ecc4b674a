// Where the traps of a trace come from and what they cost, as tables.
#pragma once

#include <string>
#include <vector>

#include "monitor/trace/trace_file.hpp"

namespace ringpress {

struct TraceRow {
    std::string what;
    std::string detail;  ///< of a site: its address and instruction
    std::uint64_t count = 0, total_ns = 0;
    std::uint32_t median_ns = 0, p99_ns = 0, most_ns = 0;
};

struct TraceSummary {
    std::uint64_t count = 0, lost = 0, total_ns = 0;
    std::uint64_t span_ns = 0;  ///< from the first trap to the end of the last one
    bool complete = false, full = false;
    std::vector<TraceRow> causes, instructions, sites;  ///< each with the most costly first
};

TraceSummary summarise(const TraceFile& trace);
/// Tables for people, with `sites` rows of sites at most.
std::string summary_text(const TraceSummary& summary, std::size_t sites);
/// One JSON object on one line: {"traps", "lost", "monitor_ns", "span_ns", "complete", "causes": [{"what",
/// "count", "total_ns", "median_ns", "p99_ns", "most_ns"}...], "instructions": [...], "sites": [...]}
std::string summary_json(const TraceSummary& summary, std::size_t sites);

}  // namespace ringpress
