// A trace for other tools.
#pragma once

#include <string>

#include "monitor/trace/output_file.hpp"
#include "monitor/trace/trace_file.hpp"

namespace ringpress {

/// Chrome's trace event format (JSON), which Perfetto and chrome://tracing open: complete events, strictly
/// nested, on two tracks: the monitor's traps, and the guest's halts; and a counter of traps by cause.
void write_chrome(const TraceFile& trace, OutputFile& out);

/// Folded stacks, "cause;instruction;site nanoseconds" a line, as flame graph tools read them.
void write_folded(const TraceFile& trace, OutputFile& out);

/// A line for every trap, for people and grep.
void write_text(const TraceFile& trace, OutputFile& out);
/// That line, without its end.
std::string trap_text(const TraceFile& trace, const TraceEvent& event);

}  // namespace ringpress
