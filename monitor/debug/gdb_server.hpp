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
    /// Listens there, or nowhere if address.none.  Whoever is connected is hung up on soon, unless that is
    /// where it listens already.  Throws std::runtime_error with one line for the user, and all is as it was.
    void listen(const GdbAddress& address);

    /// A life of the guest begins, before its first instruction; `target` stays until end_life().
    void begin_life(GdbTarget& target);
    void end_life();
    /// The run is over: GDB is told.
    void end_run(int status);

    // Service.  Whoever connects stops the guest, as with QEMU.
    void add_poll_fds(std::vector<pollfd>& fds) override;
    int timeout_ms() override { return hang_up_soon_ ? 0 : -1; }
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

    GdbAddress address_;
    std::unique_ptr<GdbListener> listener_;
    UniqueFd connection_;
    GdbTarget* target_ = nullptr;
    int token_ = 0;  ///< of RunControl
    std::optional<GdbSession> session_;
    GdbReader reader_;
    std::string received_, unsent_, last_packet_;
    bool stop_pending_ = false;  ///< request_stop() was called, and the guest runs still
    bool hang_up_soon_ =
        false;              ///< listen() was called, perhaps by a command that has come over the connection
    bool leaving_ = false;  ///< the connection is gone, but its breakpoints are not yet
};

}  // namespace ringpress
