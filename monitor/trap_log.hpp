// The trap ring of the arena as text: for -d and -D, and for the last traps in a dump.
//
// Runs in the supervisor.  The core writes the ring, so every record is checked before it is named.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "monitor/arena.hpp"
#include "monitor/run_config.hpp"

namespace ringpress {

/// Something that -d can show: a name and the trap causes that it stands for.
struct LogItem {
    std::string_view name;
    std::string_view meaning;
    std::uint32_t causes;  ///< bit n: TrapCause n
};
const std::vector<LogItem>& log_items();
std::vector<std::string> log_item_names();
/// The list for `-d help`.
std::string log_items_text();

/// A short name for a cause: "privileged", "hidden fault"...; "?" if there is no such cause.
std::string_view cause_name(std::uint8_t cause);

/// One record in one line, without a line end.
std::string trap_line(const TrapRecord& record);

/// The newest `count` records of the ring, oldest first, a line each.
std::string last_traps(const Arena& arena, unsigned count = 16);

class TrapLog {
  public:
    /// Opens config.log_file (standard error if empty); does nothing if config.log_items is empty.
    /// Throws std::runtime_error with one line if the file cannot be written.
    explicit TrapLog(const RunConfig& config);

    bool enabled() const { return causes_ != 0; }
    /// A machine is about to be started with this arena: tells its core what to record.
    void begin(Arena& arena);
    /// Writes what the ring has gained since the last call; call it often, the ring holds kTrapRingSize
    /// records. A gap is reported as such.
    void drain(const Arena& arena);

  private:
    struct Close {
        void operator()(FILE* file) const {
            if (file != stderr) std::fclose(file);
        }
    };
    std::unique_ptr<FILE, Close> out_;
    std::uint32_t causes_ = 0;
    std::uint32_t seen_ = 0;  ///< value of Arena::trap_count up to which records were written
};

}  // namespace ringpress
