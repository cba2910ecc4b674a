// A probe in a child process: it may crash, hang, or give up rights, and only its answer comes back.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace ringpress {

/// What a probe found out, in shared memory.
struct ProbeAnswer {
    bool finished = false;  ///< the probe ran to its end
    int killed_by = 0;      ///< the signal that ended it instead (SIGALRM: it took too long)
    int error = 0;          ///< an errno value, if something was refused; 0 if not
    std::int64_t values[8] = {};
    double costs[4] = {};  ///< nanoseconds
    std::uint32_t words[32] = {};
    char text[128] = {};  ///< an exception's message
};

/// Runs `probe` in a child, for at most ten seconds.
ProbeAnswer in_child(const std::function<void(ProbeAnswer&)>& probe);

/// Why a probe gave no answer, in words.
std::string failure(const ProbeAnswer& answer);

}  // namespace ringpress
