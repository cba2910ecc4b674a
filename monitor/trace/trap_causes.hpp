// The causes of traps in words, and the names under which -d selects them: one table for the logs, the
// traces, the statistics and the report.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "traps/statistics.hpp"

namespace ringpress {

struct CauseInfo {
    TrapCause cause;
    std::string_view name;     ///< "privileged", "hidden fault"...
    std::string_view handled;  ///< what is done about it if the guest is not given an exception
    std::string_view why;      ///< a sentence for a student
    std::string_view sdm;      ///< where the manual tells of it; may be empty
};
/// In the order of TrapCause.
std::span<const CauseInfo> trap_causes();
/// A short name for a cause; "?" if there is no such cause.
std::string_view cause_name(std::uint8_t cause);
/// The cause of that name, or kTrapCauses.
unsigned cause_named(std::string_view name);

/// The exceptions of IA-32 by vector, SDM Vol. 3A, table 6-1: "#PF"; empty if there is none.
std::string_view vector_name(unsigned vector);

/// Something that -d can show: a name and the trap causes that it stands for.
struct LogItem {
    std::string_view name;
    std::string_view meaning;
    std::uint32_t causes;  ///< bit n: TrapCause n
};
const std::vector<LogItem>& log_items();
std::vector<std::string> log_item_names();
/// The causes that these items stand for; names that are no item stand for nothing.
std::uint32_t causes_of(const std::vector<std::string>& items);
/// The list for `-d help`.
std::string log_items_text();

}  // namespace ringpress
