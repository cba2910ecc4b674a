// What `ringpress holes` finds out: every form at ring 0, deprivileged on this host, and in a guest under
// each
// --sensitive level.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "monitor/holes/levels.hpp"
#include "monitor/holes/native.hpp"
#include "traps/policy.hpp"

namespace ringpress {

/// What ring 3 of this host makes of a form.
enum class HostAnswer : std::uint8_t {
    faults,       ///< it traps: a monitor can emulate it
    same,         ///< it runs, and does what ring 0 would
    silent,       ///< it runs, and does or shows something else: a hole
    kernel,       ///< it faults, and the host's kernel answers: a hole that the monitor cannot see into
    system_call,  ///< it enters the host's kernel, which performs a system call
    lost,         ///< the process did not come back from it
    unknown,      ///< it runs, but no guest could say what ring 0 would do
};
std::string_view answer_name(HostAnswer answer);
/// True for what a monitor cannot let happen and is not told of.
bool is_hole(HostAnswer answer);

/// What a guest's ring 0 gets from a form under one level.
enum class GuestAnswer : std::uint8_t {
    right,  ///< what ring 0 would get
    wrong,
    ended,  ///< the guest did not survive it
    unknown,
};

struct LevelFinding {
    GuestAnswer answer = GuestAnswer::unknown;
    /// By which means: "native" (nobody steps in), "fault" (the processor's own), "int3" or "gate" (of the
    /// code view), "filter" (the system call that it performs is caught by seccomp).
    std::string how;
    std::string what;  ///< the difference, or how the guest ended; empty if right
};

inline constexpr SensitiveLevel kLevels[] = {SensitiveLevel::ignore, SensitiveLevel::trap,
                                             SensitiveLevel::inline_};
inline constexpr std::string_view kLevelNames[] = {"ignore", "trap", "inline"};
inline constexpr unsigned kLevelCount = 3;

struct FormFinding {
    const KnownForm* form = nullptr;
    std::string text;   ///< assembler, in the manual's syntax: "mov eax, cs"
    std::string bytes;  ///< "8c c8"
    std::string ring0;  ///< what ring 0 gets
    HostAnswer host = HostAnswer::unknown;
    std::string host_text;  ///< "#GP(0)"; "IF = 1, not 0"
    LevelFinding levels[kLevelCount];
};

struct HolesReport {
    std::string processor;  ///< "AuthenticAMD, AMD EPYC"
    std::string kernel;     ///< "Linux 6.1.0"
    std::string no_guest;   ///< why guests did not run; empty if they did
    std::vector<FormFinding> forms;
    double seconds = 0;
};

/// Executes everything.  Throws std::runtime_error if this host cannot run 32-bit code at all.
HolesReport find_holes();

/// Judges one form; pure.  `right` may be null, if no guest ran.
void judge_native(FormFinding& finding, const NativeRun& native, const FormOutcome* right);
void judge_level(FormFinding& finding, unsigned level, const LevelRun& run, const FormOutcome* right);

/// The worst that a host answers to any form of an instruction.
HostAnswer worst_answer(const HolesReport& report, InsnId id);

}  // namespace ringpress
