// From the trace ring to the log (-d) and the trace (--trace) while the guest runs.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "monitor/arena.hpp"
#include "monitor/run_config.hpp"
#include "monitor/service.hpp"
#include "monitor/symbols/guest_symbols.hpp"
#include "monitor/trace/ring_reader.hpp"
#include "monitor/trace/trace_writer.hpp"
#include "monitor/trace/trap_sink.hpp"

namespace ringpress {

class TrapStream final : public Service {
  public:
    /// Opens what -d, -D and --trace name.  Throws std::runtime_error with one line if a file cannot be
    /// written.
    explicit TrapStream(const RunConfig& config);

    /// Other items than -d has named, from here on; they go where -d's would.  Throws as above.
    void log(const std::vector<std::string>& items);
    /// Whether addresses are written with their names, and begin() wants symbols.
    bool wants_symbols() const { return trace_; }
    /// A machine is about to be started with this arena and this RAM: tells its core what to record.
    void begin(Arena& arena, std::span<const std::byte> ram, GuestSymbols symbols = {});
    /// The guest runs no more: takes all that is left.  begin() may follow, with another arena.
    void finish();
    /// One line for the user if the trace is not what was asked for; else empty.
    std::string complaint() const;

    // Service
    void add_poll_fds(std::vector<pollfd>&) override {}
    int timeout_ms() override;
    void handle(std::span<const pollfd>) override;

  private:
    void open_log();
    void drain(std::uint64_t most);
    void name_addresses();

    const std::string log_file_;
    const bool terminal_taken_;  ///< by the text screen: no place for a log
    std::uint32_t causes_ = 0;
    std::vector<std::unique_ptr<TrapSink>> sinks_;
    TraceWriter* trace_ = nullptr;  ///< among the sinks
    bool logs_ = false;             ///< there is a TrapLog among the sinks
    GuestSymbols symbols_;
    bool located_ = false;  ///< the trace has got the symbols, for where the kernel is
    Arena* arena_ = nullptr;
    std::span<const std::byte> ram_;
    std::optional<TraceRingReader> ring_;
};

}  // namespace ringpress
