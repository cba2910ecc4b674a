// Something that the supervisor's event loop serves besides the guest and its console: a debugger's port, the
// control socket, the trace writer.
#pragma once

#include <poll.h>

#include <span>
#include <vector>

namespace ringpress {

class Service {
  public:
    virtual ~Service() = default;
    /// Appends the descriptors to wait for, each with its events.
    virtual void add_poll_fds(std::vector<pollfd>& fds) = 0;
    /// Milliseconds until handle() wants to be called even if no descriptor is ready; -1: none.
    virtual int timeout_ms() { return -1; }
    /// Called after every wait, with the very entries that add_poll_fds() appended and what poll(2) answered.
    virtual void handle(std::span<const pollfd> fds) = 0;
};

}  // namespace ringpress
