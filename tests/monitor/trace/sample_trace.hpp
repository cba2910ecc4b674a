// Trace files for tests, written by the writer.
#pragma once

#include <string>

#include "../host_files.hpp"
#include "monitor/trace/trace_writer.hpp"
#include "shadow/fault.hpp"
#include "traps/statistics.hpp"

namespace ringpress::test {

inline RunConfig trace_config(const std::string& file) {
    RunConfig config;
    config.trace_file = file;
    config.kernel = "folder/kernel";
    return config;
}

/// A record whose handling began `tsc` ticks of the host's counter after `start`.
inline TraceRecord trap_record(TrapCause cause, InsnId insn, std::uint32_t eip, std::uint64_t tsc = 0,
                               std::uint32_t ticks = 1000) {
    TraceRecord r;
    r.trap.cause = static_cast<std::uint8_t>(cause);
    r.trap.insn = static_cast<std::uint8_t>(insn);
    r.trap.eip = r.linear = r.before.eip = eip;
    r.trap.vector = static_cast<std::uint8_t>(Vector::BP);
    r.tsc = tsc;
    r.ticks = ticks;
    r.after = r.before;
    r.after.eip = eip + 1;
    return r;
}

/// Writes these traps and gaps to a file of that folder; returns its path.
template <class Fill>
std::string sample_trace(const TemporaryFolder& folder, Fill fill) {
    const std::string path = folder.path("trace");
    TraceWriter writer(trace_config(path));
    fill(writer);
    return path;
}

}  // namespace ringpress::test
