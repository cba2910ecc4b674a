// Writes the trace file of --trace, see trace_format.hpp.
#pragma once

#include <string>
#include <vector>

#include "monitor/run_config.hpp"
#include "monitor/symbols/symbol_table.hpp"
#include "monitor/trace/trap_sink.hpp"
#include "monitor/unique_fd.hpp"
#include "traps/decode.hpp"

namespace ringpress {

class TraceWriter final : public TrapSink {
  public:
    /// Makes config.trace_file anew and writes its header.
    /// Throws std::runtime_error with one line if it cannot be written.
    explicit TraceWriter(const RunConfig& config);
    /// Writes the end.
    ~TraceWriter() override;
    TraceWriter(const TraceWriter&) = delete;
    TraceWriter& operator=(const TraceWriter&) = delete;

    /// Names for addresses, for the traps that follow.
    void name_with(const SymbolTable& symbols);

    void machine_starts() override;
    void put(const TraceRecord& record) override;
    void gap(std::uint64_t lost) override;
    void flush() override;
    bool closed() const override { return state_ != State::open; }
    /// One line for the user if traps are missing from the trace; else empty.
    std::string complaint() const;

  private:
    enum class State { open, full, failed };

    void write_header(const RunConfig& config);
    void write_end();
    const std::string& place(const TraceRecord& record);
    std::string describe_place(const TraceRecord& record);
    std::uint64_t nanoseconds(std::uint64_t ticks) const;

    const std::string file_;
    const std::uint64_t most_bytes_;
    const std::uint64_t tsc_hz_, tsc_start_;
    SymbolTable symbols_;
    UniqueFd fd_;
    State state_ = State::open;
    int error_ = 0;
    std::string buffer_;  ///< not written yet; whole lines
    std::uint64_t bytes_ = 0, number_ = 0, lost_ = 0;
    std::uint64_t host_ns_ = 0;  ///< of the last trap
    unsigned machines_ = 0;
    Decoder decoder_;

    /// What is the same whenever an instruction traps at a place, as text: kernels trap at few places.
    struct Place {
        std::uint32_t eip = 0, linear = 0;
        std::uint8_t insn = 0, flags = 0, code_bytes = 0;
        std::uint8_t code[15] = {};
        bool operator==(const Place&) const = default;
    };
    struct CachedPlace {
        Place key;
        std::string text;
    };
    std::vector<CachedPlace> places_;
};

}  // namespace ringpress
