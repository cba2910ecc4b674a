// The control socket's end in `ringpress ctl`, `ps` and `top`.
#pragma once

#include <string>
#include <string_view>

#include "monitor/unique_fd.hpp"

namespace ringpress {

class ControlClient {
  public:
    /// Connects.  Throws std::runtime_error with one line if there is no such machine.
    explicit ControlClient(const std::string& name);

    /// Asks and waits for the answer, for `seconds` at most.  descriptor: gets the one that came with it, if
    /// any. Throws std::runtime_error with one line if the machine refuses, does not answer or ends
    /// meanwhile.
    std::string ask(std::string_view request, UniqueFd* descriptor = nullptr, int seconds = 60);
    std::string monitor(std::string_view line) { return ask("monitor " + std::string(line)); }

  private:
    std::string name_;
    UniqueFd socket_;
};

}  // namespace ringpress
