#include "monitor/debug/run_control.hpp"

#include <algorithm>
#include <chrono>

#include "shadow/check.hpp"

namespace ringpress {

namespace {

double seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Adds to, and takes from, one of the tables of DebugPoints.
template <class T, std::size_t Most>
bool add_to(T (&table)[Most], std::uint32_t& count, const T& point) {
    if (count == Most) return false;
    table[count++] = point;
    return true;
}
template <class T, std::size_t Most>
bool remove_from(T (&table)[Most], std::uint32_t& count, const T& point) {
    T* const end = table + count;
    T* const found = std::find(table, end, point);
    if (found == end) return false;
    std::copy(found + 1, end, found);
    --count;
    return true;
}

}  // namespace

RunControl::RunControl(Arena& arena, bool stop_at_start) : arena_(arena) {
    if (stop_at_start) request_stop();
}

/// Of a guest that has not started, the table in force is nobody's yet.
bool RunControl::points_changed(bool changed) {
    if (!started_) {
        arena_.shadow.debug.points = points_;
        expected_ |= changed;
    }
    return changed;
}

void RunControl::set_ring(std::function<void()> ring) {
    ring_ = std::move(ring);
    started_ = true;
}

void RunControl::request_stop() {
    if (stopped_) return;
    expected_ = requested_ = true;
    std::atomic_ref(arena_.shadow.debug.attention).fetch_or(DebugWatch::kStopWanted);
    ring_();
}

void RunControl::handle(std::span<const pollfd>) {
    const RunState& run = arena_.run;
    // A stop that nobody asked for is the invention of a guest process that was taken over: it shall not keep
    // the time limit from running.
    if (stopped_ || !run.stopped.load()) return;
    if (holding_) {  // while_held() did not wait for it any longer
        holding_ = false;
        if (held_for_nobody()) return go_on(RunOrder::look_over);
    }
    if (!expected_) return;
    stopped_ = true;
    requested_ = false;
    stopped_since_ = seconds();
    last_stop_ = {run.cause, run.address, run.kind};
    tell(&Client::stopped);
}

void RunControl::while_held(const std::function<void()>& look, const std::function<bool()>& wait) {
    if (stopped_ || holding_) return look();
    const double began = seconds();
    holding_ = true;
    std::atomic_ref(arena_.shadow.debug.attention).fetch_or(DebugWatch::kStopWanted);
    ring_();
    while (!arena_.run.stopped.load())
        if (!wait()) return look();
    holding_ = false;
    look();
    // Whoever asked for a stop at the same time, or hit a breakpoint, is told by handle().
    if (!held_for_nobody()) return;
    stopped_before_ += seconds() - began;
    go_on(RunOrder::look_over);
}

void RunControl::give(RunOrder order) {
    CHECK(stopped_);
    tell(&Client::resumed);
    stopped_ = false;
    expected_ = order != RunOrder::resume || points_.breakpoints || points_.watchpoints;
    stopped_before_ += seconds() - stopped_since_;
    // A request that came while the guest was about to stop has been met.
    std::atomic_ref(arena_.shadow.debug.attention).fetch_and(~DebugWatch::kStopWanted);
    go_on(order);
}

void RunControl::go_on(RunOrder order) {
    arena_.run.points = points_;
    arena_.run.order = order;
    arena_.run.stopped.store(0);
    arena_.run.orders.store(++orders_);
    ring_();
}

double RunControl::stopped_seconds() const {
    return stopped_before_ + (stopped_ ? seconds() - stopped_since_ : 0);
}

bool RunControl::add_breakpoint(std::uint32_t address) {
    return points_changed(add_to(points_.breakpoint, points_.breakpoints, address));
}
bool RunControl::remove_breakpoint(std::uint32_t address) {
    return points_changed(remove_from(points_.breakpoint, points_.breakpoints, address));
}
bool RunControl::add_watchpoint(const Watchpoint& point) {
    if (point.length == 0 || point.length > kPageSize) return false;
    return points_changed(add_to(points_.watchpoint, points_.watchpoints, point));
}
bool RunControl::remove_watchpoint(const Watchpoint& point) {
    return points_changed(remove_from(points_.watchpoint, points_.watchpoints, point));
}

void RunControl::set_fpu(const FpuImage& image) {
    constexpr unsigned kMxcsr = 24, kMask = 28;  // SDM Vol. 1, table 10-2
    FpuImage checked = image;
    for (unsigned i = 0; i < 4; ++i)  // a reserved bit would be #GP, SDM Vol. 1, section 11.6.6
        checked.bytes[kMxcsr + i] &= arena_.run.fpu.bytes[kMask + i];
    arena_.run.fpu = checked;
    arena_.run.fpu_changed = 1;
}

int RunControl::add(Listener stopped, Listener resumed) {
    clients_.push_back({next_token_, std::move(stopped), std::move(resumed)});
    return next_token_++;
}

void RunControl::forget(int token) {
    std::erase_if(clients_, [&](const Client& c) { return c.token == token; });
}

/// A listener may resume the guest, or take its leave.
void RunControl::tell(Listener Client::*what) {
    const std::vector<Client> now = clients_;
    const bool stopped = stopped_;
    for (const Client& client : now)
        if (client.*what && stopped_ == stopped) (client.*what)();
}

}  // namespace ringpress
