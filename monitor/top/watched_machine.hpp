// A running machine as `ringpress top` watches it: its arena, mapped for reading, and its control socket.
#pragma once

#include <boost/interprocess/mapped_region.hpp>
#include <map>
#include <string>

#include "monitor/control/control_client.hpp"
#include "monitor/top/report.hpp"
#include "monitor/trace/trap_log.hpp"

namespace ringpress {

class WatchedMachine {
  public:
    /// Throws std::runtime_error with one line if there is none of that name, or it is of another version.
    explicit WatchedMachine(const std::string& name);

    /// What has changed since the last call.  Throws std::runtime_error once the machine has ended.
    TopReport look(std::size_t sites);
    /// A line for its monitor.
    std::string monitor(std::string_view line) { return client_.monitor(line); }

    /// The last trap that was handled, in one line.
    std::string newest_trap() const { return last_traps(*static_cast<const Arena*>(map_.get_address()), 1); }

  private:
    void attach();
    std::string title();
    std::string name_of(std::uint32_t address);

    std::string name_;
    ControlClient client_;
    boost::interprocess::mapped_region map_;
    TopSample last_;
    HotSites sites_;
    std::map<std::uint32_t, std::string> names_;
};

}  // namespace ringpress
