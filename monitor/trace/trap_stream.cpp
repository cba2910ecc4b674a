#include "monitor/trace/trap_stream.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "monitor/trace/trap_causes.hpp"
#include "monitor/trace/trap_log.hpp"

namespace ringpress {

namespace {
/// Records between two looks at the console and the other services: a few milliseconds' work.
constexpr std::uint64_t kMostAtOnce = 4096;
constexpr std::uint64_t kWorthWaking = 1024;
}  // namespace

TrapStream::TrapStream(const RunConfig& config)
    : log_file_(config.log_file),
      terminal_taken_(config.display == Display::text),
      causes_(causes_of(config.log_items)) {
    if (!config.trace_file.empty()) {
        auto trace = std::make_unique<TraceWriter>(config);
        trace_ = trace.get();
        sinks_.push_back(std::move(trace));
    }
    if (causes_) open_log();
    if (trace_ && !causes_) causes_ = causes_of({"trap"});
}

/// With --trace, -d says what goes into the trace; a log besides is written where -D says.
void TrapStream::open_log() {
    if (logs_ || (trace_ && log_file_.empty())) return;
    if (log_file_.empty() && terminal_taken_)
        throw std::runtime_error("the text screen has the terminal: start with -D FILE to log into a file");
    sinks_.push_back(std::make_unique<TrapLog>(log_file_));
    logs_ = true;
}

void TrapStream::log(const std::vector<std::string>& items) {
    const std::uint32_t causes = causes_of(items);
    drain(kTraceRingSize);  // what came until here was asked for
    if (causes) open_log();
    causes_ = causes;
    arena_->traced_causes.store(causes_);
}

void TrapStream::begin(Arena& arena, std::span<const std::byte> ram, GuestSymbols symbols) {
    arena_ = &arena;
    ram_ = ram;
    symbols_ = std::move(symbols);
    located_ = false;
    symbols_.forget_place();
    if (trace_) trace_->name_with({});
    ring_.emplace(arena.trace);
    for (const auto& sink : sinks_) sink->machine_starts();
    arena.traced_causes.store(sinks_.empty() ? 0 : causes_);
}

int TrapStream::timeout_ms() {
    if (sinks_.empty() || !ring_ || (!causes_ && !ring_->waiting())) return -1;
    return ring_->waiting() > kWorthWaking ? 0 : 1;
}

void TrapStream::handle(std::span<const pollfd>) {
    drain(kMostAtOnce);
}

/// A kernel that moves itself is found only once it has.
void TrapStream::name_addresses() {
    if (!trace_ || located_ || symbols_.table().empty() || !ring_->waiting()) return;
    located_ = symbols_.locate(ram_);
    if (located_) trace_->name_with(symbols_.table());
}

void TrapStream::drain(std::uint64_t most) {
    if (sinks_.empty() || !ring_) return;
    name_addresses();
    TraceRecord record;
    bool any = false;
    for (std::uint64_t n = 0; n < most; ++n) {
        std::uint64_t lost = 0;
        const bool got = ring_->next(record, lost);
        any = any || got || lost;
        for (const auto& sink : sinks_) {
            if (lost) sink->gap(lost);
            if (got) sink->put(record);
        }
        if (!got) break;
    }
    if (!any) return;
    for (const auto& sink : sinks_) sink->flush();
    if (std::all_of(sinks_.begin(), sinks_.end(), [](const auto& s) { return s->closed(); }))
        arena_->traced_causes.store(0);
}

void TrapStream::finish() {
    drain(kTraceRingSize);
    ring_.reset();
}

std::string TrapStream::complaint() const {
    return trace_ ? trace_->complaint() : "";
}

}  // namespace ringpress
