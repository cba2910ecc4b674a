// The forms executed for real, deprivileged: in a process of this host, at ring 3.
#pragma once

#include <string>
#include <string_view>

#include "monitor/holes/form_outcome.hpp"

namespace ringpress {

struct NativeRun {
    /// False: the process did not come out of it; `lost` says how it ended.
    bool came_back = false;
    std::string lost;
    FormOutcome outcome;
    /// The host's kernel performed a system call: getpid() was asked for and answered.
    bool host_call = false;
    /// It faulted, and the host's kernel answered in the processor's place: told by the time it takes.
    bool kernel_answered = false;
    double nanoseconds = 0;  ///< for one execution, where that was measured
};

/// Executes a form in a process of its own.
NativeRun run_natively(const KnownForm& form);

}  // namespace ringpress
