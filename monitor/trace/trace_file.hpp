// A trace, read back: what the converters and the report work on.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "monitor/trace/state_fields.hpp"

namespace ringpress {

/// A string of a trace, by its number in TraceFile::strings; 0 is the empty one.
using TraceString = std::uint32_t;

/// Where a trap happened and what is there: few places make many traps.
struct TracePlace {
    std::uint32_t eip = 0, linear = 0;
    TraceString insn = 0;  ///< as in instructions.def; empty if it is innocuous, or was not looked at
    TraceString text = 0, bytes = 0, symbol = 0;
    bool operator==(const TracePlace&) const = default;
};

struct TraceEvent {
    static constexpr std::uint8_t kNone = 0xFF;
    std::uint64_t number = 0;                 ///< among all traps, those that were lost included
    std::uint64_t guest_ns = 0, host_ns = 0;  ///< when handling began
    std::uint32_t cost_ns = 0;
    std::uint32_t place = 0;  ///< in TraceFile::places
    std::uint32_t address = 0, error = 0;
    std::uint32_t burst = 0, mapped = 0, proven = 0, gates_made = 0;
    TraceString handled = 0;
    std::uint8_t cause = 0;       ///< TrapCause
    std::uint8_t vector = kNone;  ///< the host's
    std::uint8_t cpl = 0;
    std::uint8_t reflected = kNone, injected = kNone;
    std::uint8_t machine = 0;  ///< how often the guest had been reset, 255 at most
    std::uint8_t changes = 0;  ///< how many entries of TraceFile::changes are its own
    std::uint32_t first_change = 0;
    std::array<std::uint32_t, kStoredFields> state = {};  ///< before the trap, by kStateFields
};

struct TraceChange {
    std::uint8_t field = 0;  ///< in kStateFields
    std::uint32_t before = 0, after = 0;
};

/// Traps that are missing before events[before].
struct TraceGap {
    std::size_t before = 0;
    std::uint64_t lost = 0;
};

struct TraceFile {
    std::string header;  ///< the first line, a JSON object
    std::string kernel, engine, sensitive, started;
    std::vector<TraceEvent> events;  ///< in the order of their host times
    std::vector<TraceChange> changes;
    std::vector<TracePlace> places;
    std::vector<std::string> strings;
    std::vector<TraceGap> gaps;
    bool complete = false;  ///< the end is there; else it was cut off
    bool full = false;      ///< it ended because it had reached its size

    std::string_view text(TraceString s) const { return strings[s]; }
    const TracePlace& place(const TraceEvent& e) const { return places[e.place]; }
    std::uint64_t lost() const;
};

/// Reads a trace.  One that was cut off is read up to the cut.  Throws std::runtime_error with one line if
/// the file cannot be read, is no trace, is one of another version, or has something in its midst that no
/// trace has.
TraceFile read_trace(const std::string& path);

/// What makes an instruction's row: its name in instructions.def, or the mnemonic of an innocuous one; "-" if
/// it is not known.
std::string_view instruction_of(const TraceFile& trace, const TracePlace& place);
/// Where it is: the symbol with its offset, or the address in hexadecimal.
std::string site_of(const TraceFile& trace, const TraceEvent& event);

}  // namespace ringpress
