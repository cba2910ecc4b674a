// Always-on assertions for what can only be wrong by our own doing.
//
// A failed CHECK ends the virtual machine through the handler that the engine installed, which records the
// message in the arena so that the supervisor can dump the virtual CPU and the last traps (exit code 70).
#pragma once

namespace ringpress {

using BugHandler = void (*)(const char* what, const char* file, int line);
/// Installed once by the engine; the default prints to standard error and aborts.
void set_bug_handler(BugHandler handler);
[[noreturn]] void report_bug(const char* what, const char* file, int line);

#define CHECK(condition) \
    (__builtin_expect(!!(condition), 1) ? void(0) : ::ringpress::report_bug(#condition, __FILE__, __LINE__))

}  // namespace ringpress
