// The supervisor: owns everything that the world sees of a virtual machine, and the guest process.
#pragma once

#include <memory>
#include <string>

#include "monitor/run_config.hpp"
#include "traps/statistics.hpp"

namespace ringpress {

/// How a run ended.
struct ExitReport {
    int code = 0;                 ///< the exit status of `ringpress run`, see exit_codes.def
    std::string message;          ///< one line (or a dump) for standard error; empty: nothing to say
    std::string trace_complaint;  ///< one line if the trace lacks something; else empty
    int signal = 0;         ///< if not 0: ringpress was asked to end by this signal, and shall die of it
    Statistics statistics;  ///< a copy of the arena's, for --stats
    double seconds = 0;     ///< from the guest's first instruction to its last, by the wall clock
};

class Supervisor {
  public:
    /// Throws std::runtime_error with one line for the user: what is wrong and what to do.
    explicit Supervisor(const RunConfig& config);
    ~Supervisor();
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;

    /// Runs the guest to its end.  Nothing of it is left when this returns: no process, no shared memory, the
    /// terminal as it was.
    ExitReport run();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ringpress
