// The signals that report a processor exception, or a system call that the fence handed back.
#pragma once

#include <signal.h>

#include <algorithm>
#include <iterator>

namespace ringpress {

inline constexpr int kFaultSignals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};

constexpr bool is_fault_signal(int signal) {
    return std::find(std::begin(kFaultSignals), std::end(kFaultSignals), signal) != std::end(kFaultSignals);
}

}  // namespace ringpress
