// Bytes between the host and the rings of the arena: the supervisor's side of the serial port, the debug
// console, the keyboard and the text screen.
//
// Runs in the supervisor, on the thread of its event loop.  The owner polls the descriptors that poll_fds()
// names, hands the answer to handle(), and calls drain() whenever the guest may have produced output.  Ring
// contents are the guest's business and go to the terminal as they are, as with any terminal emulator; ring
// indices are not believed (see byte_ring.hpp).
#pragma once

#include <poll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "monitor/arena.hpp"
#include "monitor/run_config.hpp"

namespace ringpress {

class MonitorTerminal;

/// Guest RAM as the supervisor maps it; only read, to show the text screen.
struct RamView {
    const std::uint8_t* bytes = nullptr;
    std::uint32_t size = 0;  ///< bytes
};

/// Why the world outside wants the guest to end.
enum class Quit : std::uint8_t {
    none,
    user,           ///< Ctrl-A x
    signal,         ///< SIGINT, SIGTERM, SIGHUP or SIGQUIT: see quit_signal()
    output_failed,  ///< output could not be written: its reader has gone, or the disk is full
};

class ConsoleIo {
  public:
    static constexpr int kMaxPollFds = 5;

    /// Opens files, takes over the terminal (if standard input is one and the guest uses it) and catches the
    /// terminating signals.  ring_doorbell is called after bytes for the guest were put into a ring, and when
    /// a full output ring has room again. Construct it after the guest process was forked, so that the guest
    /// process has none of its descriptors and signal handlers; a second object while one lives is a bug.
    /// Throws std::runtime_error with one line for the user.
    /// monitor: whom Ctrl-A c (or -monitor stdio) lets the terminal talk to; null: nobody.
    ConsoleIo(const RunConfig& config, Arena& arena, RamView ram, std::function<void()> ring_doorbell,
              MonitorTerminal* monitor = nullptr);
    /// Restores the terminal and the signal handlers.
    ~ConsoleIo();
    ConsoleIo(const ConsoleIo&) = delete;
    ConsoleIo& operator=(const ConsoleIo&) = delete;

    /// Fills in what to wait for now, at most min(room, kMaxPollFds) entries; returns how many.
    int poll_fds(pollfd* into, int room);
    /// Milliseconds after which handle() wants to be called even if nothing is ready (screen refresh, a key
    /// that comes up, input that waits for room in a ring); -1: no hurry.
    int timeout_ms() const;
    /// To be called after every poll(), with the entries that poll_fds() filled in.
    void handle(const pollfd* fds, int count);
    /// Moves output from the rings to the host, as far as that takes it without blocking.
    void drain();
    /// After the guest has ended: writes what is left (waiting at most a second for a slow reader), and gives
    /// the terminal back, so that messages after it appear on an ordinary screen.
    void finish();

    Quit quit_requested() const;
    int quit_signal() const;                  ///< the signal's number if quit_requested() is `signal`, else 0
    const std::string& quit_message() const;  ///< one line for the user; empty for `none` and `user`

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ringpress
