// The services of one run, and the descriptors of one wait.
#pragma once

#include <algorithm>
#include <vector>

#include "monitor/service.hpp"

namespace ringpress {

/// The earlier of two timeouts in milliseconds, of which -1 means never.
constexpr int earlier(int a, int b) {
    return a < 0 ? b : b < 0 ? a : std::min(a, b);
}

class ServiceList {
  public:
    /// `service` is served until this list goes.
    void add(Service& service) { services_.push_back({&service, 0, 0}); }

    /// What the next wait is for: the loop puts its own descriptors first, then calls add_poll_fds().
    std::vector<pollfd>& fds() { return fds_; }
    void add_poll_fds() {
        for (Served& s : services_) {
            s.first = fds_.size();
            s.service->add_poll_fds(fds_);
            s.count = fds_.size() - s.first;
        }
    }
    int timeout_ms() const {
        int timeout = -1;
        for (const Served& s : services_) timeout = earlier(timeout, s.service->timeout_ms());
        return timeout;
    }
    void handle() {
        for (const Served& s : services_)
            s.service->handle(std::span<const pollfd>(fds_).subspan(s.first, s.count));
    }

  private:
    struct Served {
        Service* service;
        std::size_t first, count;  ///< its part of fds_
    };
    std::vector<Served> services_;
    std::vector<pollfd> fds_;
};

}  // namespace ringpress
