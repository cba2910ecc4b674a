// A conversation with GDB: what its packets ask for, in terms of run control, registers and memory.
//
// Knows nothing of sockets: packets come in, packets go out through a function, so tests hold both ends.  The
// answers are those of QEMU's stub, which scripts without GDB rely on: its thread names, its error numbers,
// its registers (gdb_registers.hpp), its physical memory mode. Source: "Debugging with GDB", appendix E, The
// GDB Remote Serial Protocol.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "monitor/debug/run_control.hpp"
#include "monitor/guest_access.hpp"

namespace ringpress {

/// What a session works on; one life of the guest.
struct GdbTarget {
    Arena& arena;
    RunControl& control;
    GuestAccess& guest;
    /// Runs a line of the human monitor and returns what it says.
    std::function<std::string(const std::string&)> monitor;
    /// Ends the whole run (`k`).
    std::function<void()> quit;
};

class GdbSession {
  public:
    /// send: takes the payload of a packet.
    explicit GdbSession(std::function<void(std::string_view payload)> send) : send_(std::move(send)) {}

    /// A guest to work on, before it starts: breakpoints of an earlier one are set again.
    void attach(GdbTarget& target);
    void detach_target() { target_ = nullptr; }

    /// A packet has come, and the guest is stopped.
    void packet(std::string_view payload);
    /// The guest has stopped: told if GDB waits for it.
    void stopped();
    /// The guest has ended, with this exit status.
    void ended(int status);
    /// The connection is gone, or GDB has taken its leave: its breakpoints go, and the guest runs on.  The
    /// guest must be stopped for it if has_points().
    void leave();
    bool has_points() const { return !points_.empty(); }

    bool wants_acks() const { return acks_; }
    /// GDB has said that it leaves (D) or that all is over (k).
    bool over() const { return over_; }

  private:
    struct Point {
        char kind;  ///< the digit behind Z
        std::uint32_t address, length;
        bool operator==(const Point&) const = default;
    };
    void reply(std::string_view payload) { send_(payload); }
    void query(std::string_view rest);
    void set(std::string_view rest);
    void monitor_command(std::string_view digits);
    void transfer_features(std::string_view rest);
    void all_registers();
    void write_all_registers(std::string_view digits);
    void one_register(std::string_view rest);
    void write_one_register(std::string_view rest);
    void read_memory(std::string_view rest);
    void write_memory(std::string_view rest, bool binary);
    void point(std::string_view rest, bool insert);
    void continue_threads(std::string_view rest);
    void go(bool step, std::string_view address);
    void resume(bool step);
    void select_thread(std::string_view rest);
    bool put_point(const Point& p, bool insert);
    std::size_t read(std::uint32_t address, void* into, std::size_t bytes) const;
    std::size_t write(std::uint32_t address, const std::string& bytes);
    void store(const struct RegisterFile& file, const FpuImage& fpu);
    std::string thread() const;
    std::string stop_reply() const;

    std::function<void(std::string_view)> send_;
    GdbTarget* target_ = nullptr;
    std::vector<Point> points_;
    bool acks_ = true;
    bool multiprocess_ = false;     ///< thread names are pPROCESS.THREAD
    bool waits_for_stop_ = false;   ///< since c, s or vCont
    bool physical_memory_ = false;  ///< Qqemu.PhyMemMode
    bool over_ = false;
};

}  // namespace ringpress
