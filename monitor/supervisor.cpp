#include "monitor/supervisor.hpp"

#include <utility>

#include "monitor/guest_life.hpp"
#include "monitor/run_resources.hpp"

namespace ringpress {

struct Supervisor::Impl {
    explicit Impl(const RunConfig& config) : resources(config) {}

    RunResources resources;
};

Supervisor::Supervisor(const RunConfig& config) : impl_(std::make_unique<Impl>(config)) {}
Supervisor::~Supervisor() = default;

ExitReport Supervisor::run() {
    RunResources& run = impl_->resources;
    using Clock = RunResources::Clock;
    if (run.config.time_limit > 0)
        run.deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                          std::chrono::duration<double>(run.config.time_limit));
    for (;;) {
        GuestLife life(run, std::exchange(run.next, std::nullopt));
        if (std::optional<ExitReport> report = life.live()) return *report;
    }
}

}  // namespace ringpress
