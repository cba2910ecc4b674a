// `ringpress doctor`: what this host offers to guests, found out by trying it.
//
// Nothing is concluded from version numbers or feature lists: a container, a hypervisor or a boot option may
// take away what a kernel has.  Every probe runs in a child process of its own, so that none can harm
// another.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ringpress {

enum class HostVerdict : std::uint8_t {
    ok,
    slower,   ///< guests run, with a cost or a restriction
    missing,  ///< guests cannot run, or not with one of the engines
};
std::string_view verdict_name(HostVerdict verdict);

struct Finding {
    std::string id;       ///< stable, for --json: "compat", "modify_ldt"...
    std::string name;     ///< what was tried
    std::string finding;  ///< what came out
    HostVerdict verdict = HostVerdict::ok;
    std::string cost;        ///< what that means for the user; empty if nothing
    bool essential = false;  ///< no guest can run while this is missing
};

/// Runs every probe; takes about a second.
std::vector<Finding> examine_host();

/// True if nothing essential is missing.
bool can_run_guests(const std::vector<Finding>& findings);

/// A table for people, with colours if asked for.
std::string doctor_text(const std::vector<Finding>& findings, bool colour);
/// {"can_run": bool, "findings": [{"id", "name", "finding", "verdict", "cost", "essential"}...]} and a line
/// end.
std::string doctor_json(const std::vector<Finding>& findings);

/// Examines, prints to standard output, and returns the exit status: 0 if guests can run, else 2.
int doctor_command(bool json);

}  // namespace ringpress
