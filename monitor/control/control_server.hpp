// The control socket's end in the supervisor: `ringpress ctl`, `ps` and `top` ask, this answers.
//
// Whoever connects must run as the same user.  Clients are served without ever waiting for one: an answer
// that a client does not read is kept for it, and it is not asked for its next request meanwhile.
#pragma once

#include <deque>
#include <list>
#include <string>

#include "monitor/control/human_monitor.hpp"
#include "monitor/service.hpp"
#include "monitor/unique_fd.hpp"

namespace ringpress {

/// One JSON object about a machine, for `ringpress ps`.
std::string machine_status(MachineControl& machine);

class ControlServer final : public Service {
  public:
    static constexpr std::size_t kMaxClients = 16;

    /// listener: a listening SOCK_SEQPACKET socket, non-blocking, which stays the caller's.
    ControlServer(int listener, MachineControl& machine) : listener_(listener), machine_(machine) {}

    void add_poll_fds(std::vector<pollfd>& fds) override;
    void handle(std::span<const pollfd> fds) override;
    /// Sends what is left to say, as far as that goes without waiting: before the machine goes.
    void flush();

  private:
    struct Packet {
        std::string bytes;
        UniqueFd descriptor;
    };
    struct Client {
        UniqueFd socket;
        HumanMonitor monitor;
        std::deque<Packet> answer;
        bool gone = false;
    };
    void accept_client();
    void read_request(Client& client);
    std::string names(std::string_view addresses);
    void answer(Client& client, std::string_view request);
    void end_answer(Client& client, char kind, std::string_view text, UniqueFd descriptor = {});
    void send_answer(Client& client);

    int listener_;
    MachineControl& machine_;
    std::list<Client> clients_;
};

}  // namespace ringpress
