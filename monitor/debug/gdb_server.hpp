// The debugger's port: one connection at a time, and what crosses it.
//
// Outlives the guest's lives: a guest that resets keeps its debugger and its breakpoints.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "monitor/debug/gdb_address.hpp"
#include "monitor/debug/gdb_packet.hpp"
#include "monitor/debug/gdb_session.hpp"

namespace ringpress {

class GdbServer final : public Service {
  public:
    /// Listens.  Throws std::runtime_error with one line for the user.
    explicit GdbServer(const GdbAddress& address) : listener_(address) {}

    /// A life of the guest begins, before its first instruction; `target` stays until end_life().
    void begin_life(GdbTarget& target);
    void end_life();
    /// The run is over: GDB is told.
    void end_run(int status);

    // Service.  Whoever connects stops the guest, as with QEMU.
    void add_poll_fds(std::vector<pollfd>& fds) override;
    void handle(std::span<const pollfd> fds) override;

  private:
    void connected(UniqueFd connection);
    void receive();
    void process();
    void take(const GdbInput& input);
    void send(std::string_view payload);
    void flush();
    void request_stop();
    void hang_up();
    void finish_leaving();
    void on_stop();

    GdbListener listener_;
    UniqueFd connection_;
    GdbTarget* target_ = nullptr;
    int token_ = 0;  ///< of RunControl
    std::optional<GdbSession> session_;
    GdbReader reader_;
    std::string received_, unsent_, last_packet_;
    bool stop_pending_ = false;  ///< request_stop() was called, and the guest runs still
    bool leaving_ = false;       ///< the connection is gone, but its breakpoints are not yet
};

}  // namespace ringpress
