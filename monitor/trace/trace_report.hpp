// `ringpress report`: a trace as one web page that needs nothing else.  The page is in report_page/.
#pragma once

#include "monitor/trace/output_file.hpp"
#include "monitor/trace/trace_file.hpp"

namespace ringpress {

void write_report(const TraceFile& trace, OutputFile& out);

}  // namespace ringpress
