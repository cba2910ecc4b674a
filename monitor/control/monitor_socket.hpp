// -monitor unix:, tcp: and telnet: the human monitor on a stream socket, for one client at a time.
#pragma once

#include <optional>
#include <string>

#include "monitor/control/monitor_channel.hpp"
#include "monitor/control/monitor_terminal.hpp"
#include "monitor/control/telnet.hpp"
#include "monitor/service.hpp"

namespace ringpress {

class MonitorSocket final : public Service {
  public:
    /// Opens the socket; with `server` and without `nowait` waits for the first client, and says so on
    /// standard error.  Throws std::runtime_error with one line.
    MonitorSocket(const MonitorChannel& channel, MachineControl& machine);
    ~MonitorSocket() override;

    void add_poll_fds(std::vector<pollfd>& fds) override;
    void handle(std::span<const pollfd> fds) override;
    /// Sends what is left to say, as far as that goes without waiting.
    void flush();

  private:
    static constexpr std::size_t kEnoughUnread = 1u << 20;  ///< bytes that a client may leave unread
    void begin_session(UniqueFd client);
    void read_client();

    MonitorChannel channel_;
    MachineControl& machine_;
    UniqueFd listener_, client_;
    std::optional<MonitorTerminal> terminal_;
    Telnet telnet_;
    std::string unsent_;
};

}  // namespace ringpress
