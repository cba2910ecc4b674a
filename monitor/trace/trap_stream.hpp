// From the trace ring to the log (-d) and the trace (--trace) while the guest runs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "monitor/arena.hpp"
#include "monitor/run_config.hpp"
#include "monitor/service.hpp"
#include "monitor/trace/ring_reader.hpp"
#include "monitor/trace/trace_writer.hpp"
#include "monitor/trace/trap_sink.hpp"

namespace ringpress {

class TrapStream final : public Service {
  public:
    /// Opens what -d, -D and --trace name.  Throws std::runtime_error with one line if a file cannot be
    /// written.
    explicit TrapStream(const RunConfig& config);

    /// A machine is about to be started with this arena: tells its core what to record.
    void begin(Arena& arena);
    /// The guest runs no more: takes all that is left.  begin() may follow, with another arena.
    void finish();
    /// One line for the user if the trace is not what was asked for; else empty.
    std::string complaint() const;

    // Service
    void add_poll_fds(std::vector<pollfd>&) override {}
    int timeout_ms() override;
    void handle(std::span<const pollfd>) override;

  private:
    void drain(std::uint64_t most);

    std::uint32_t causes_ = 0;
    std::vector<std::unique_ptr<TrapSink>> sinks_;
    const TraceWriter* trace_ = nullptr;  ///< among the sinks
    Arena* arena_ = nullptr;
    std::optional<TraceRingReader> ring_;
};

}  // namespace ringpress
