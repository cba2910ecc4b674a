#include "monitor/console_io.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <span>

#include "monitor/control/monitor_terminal.hpp"
#include "monitor/escape_keys.hpp"
#include "monitor/held_key.hpp"
#include "monitor/host_signals.hpp"
#include "monitor/output_sink.hpp"
#include "monitor/terminal.hpp"
#include "monitor/text_display.hpp"

namespace ringpress {
namespace {

constexpr std::size_t kChunk = 4096;
/// How long finish() waits for a slow reader.
constexpr auto kPatience = std::chrono::seconds(1);
/// How often input that found its ring full tries again, in milliseconds.
constexpr int kRetryMilliseconds = 10;

}  // namespace

struct ConsoleIo::Impl {
    Impl(const RunConfig& config, Arena& arena_, RamView ram_, std::function<void()> doorbell,
         MonitorTerminal* monitor_)
        : arena(arena_), ram(ram_), ring_doorbell(std::move(doorbell)), monitor(monitor_) {
        open_outputs(config);
        serial_input = config.serial == "stdio";
        const bool shows_screen = config.display == Display::text;
        if ((serial_input || monitor || shows_screen) && isatty(STDIN_FILENO)) terminal.emplace(STDIN_FILENO);
        escapes = terminal || config.serial_escapes;
        if (shows_screen) {
            if (!terminal)
                throw std::runtime_error("-display text needs a terminal on standard input and output");
            display.emplace(*terminal);
        }
        if (monitor && !serial_input && !shows_screen) {
            monitor_has_focus = true;
            monitor_says = monitor->begin();
        }
    }

    void open_outputs(const RunConfig& config);
    void fail(const OutputSink& sink);
    template <class Ring>
    bool drain(Ring& ring, std::optional<OutputSink>& sink);
    void drain_all();
    void read_stdin();
    void feed_serial();
    void show_screen();
    void type_keys();
    void release_keys();
    void send_keys(const std::string& scan_codes);
    void toggle_monitor();
    void show_monitor();
    /// Where the monitor's words go: through the sink of standard output, if the guest has one.
    std::optional<OutputSink>& monitor_sink() {
        if (serial_sink && serial_input) return serial_sink;
        return own_sink;
    }
    bool wants_stdin() const {
        if (stdin_ended || !held_back.empty()) return false;
        return display ? terminal->raw() : (serial_input || monitor) && (!terminal || terminal->raw());
    }

    Arena& arena;
    RamView ram;
    std::function<void()> ring_doorbell;

    // In the order in which they must be undone: the display before the terminal before the signal handlers.
    HostSignals signals;
    std::optional<OutputSink> serial_sink, debugcon_sink, own_sink;
    bool shared_sink = false;  ///< the debug console goes where the serial port goes
    std::optional<Terminal> terminal;
    std::optional<TextDisplay> display;
    std::chrono::steady_clock::time_point next_refresh{};
    HeldKey held;

    EscapeKeys escape;
    bool serial_input = false, stdin_ended = false;
    bool escapes = false;  ///< Ctrl-A is for us
    MonitorTerminal* const monitor;
    bool monitor_has_focus = false, monitor_has_begun = false;
    std::string monitor_says;  ///< not yet given to its sink
    std::string held_back;     ///< input that its ring had no room for
    Quit quit = Quit::none;
    std::string message;
};

void ConsoleIo::Impl::open_outputs(const RunConfig& config) {
    if (config.serial != "none") serial_sink.emplace(config.serial, "-serial");
    shared_sink = config.serial != "none" && config.debugcon == config.serial;
    if (config.debugcon != "none" && !shared_sink) debugcon_sink.emplace(config.debugcon, "-debugcon");
    if (monitor && config.serial != "stdio") own_sink.emplace("stdio", "-monitor");
}

void ConsoleIo::Impl::fail(const OutputSink& sink) {
    if (quit != Quit::none) return;
    quit = Quit::output_failed;
    message = sink.error() == EPIPE
                  ? fmt::format("nobody reads {} any more, so the guest was ended", sink.name())
                  : fmt::format("cannot write {}: {}; the guest was ended", sink.name(),
                                std::strerror(sink.error()));
}

/// Returns true if the ring had no room left before.
template <class Ring>
bool ConsoleIo::Impl::drain(Ring& ring, std::optional<OutputSink>& sink) {
    const bool was_full = ring.space() == 0;
    std::uint8_t chunk[kChunk];
    // At most twice around: a guest that never stops writing must not keep the event loop from everything
    // else.
    for (std::size_t moved = 0; moved < 2 * sizeof ring.bytes;) {
        if (sink) sink->flush();
        if (sink && sink->pending()) break;
        const std::size_t n = ring.pop(chunk, sizeof chunk);
        if (n == 0) break;
        moved += n;
        if (sink) sink->put(chunk, n);
    }
    if (sink && sink->failed()) fail(*sink);
    return was_full && ring.space() != 0;
}

void ConsoleIo::Impl::drain_all() {
    const bool serial_room = drain(arena.serial_out, serial_sink);
    const bool debugcon_room = drain(arena.debugcon_out, shared_sink ? serial_sink : debugcon_sink);
    if (serial_room || debugcon_room) ring_doorbell();
    show_monitor();
}

/// Ctrl-A c.  Without a console or a screen beside it the monitor has the terminal for good.
void ConsoleIo::Impl::toggle_monitor() {
    if (!monitor || !(serial_input || display)) return;
    monitor_has_focus = !monitor_has_focus;
    if (!monitor_has_focus) {
        monitor_says += "\r\n";
        if (display) {
            show_monitor();
            display->resume();
        }
    } else {
        if (display) display->suspend();
        monitor_says += "\r\n" + (monitor_has_begun ? monitor->prompt() : monitor->begin());
        monitor_has_begun = true;
    }
}

void ConsoleIo::Impl::show_monitor() {
    std::optional<OutputSink>& sink = monitor_sink();
    while (sink && !monitor_says.empty()) {
        sink->flush();
        if (sink->pending()) break;
        const std::size_t part = std::min(monitor_says.size(), kChunk);
        sink->put(reinterpret_cast<const std::uint8_t*>(monitor_says.data()), part);
        monitor_says.erase(0, part);
    }
    if (sink) sink->flush();
    if (sink && sink->failed()) fail(*sink);
}

/// Puts input into the serial ring as far as there is room.
void ConsoleIo::Impl::feed_serial() {
    std::size_t done = 0;
    while (done < held_back.size() && arena.serial_in.push(static_cast<std::uint8_t>(held_back[done])))
        ++done;
    held_back.erase(0, done);
    if (done != 0) ring_doorbell();
}

void ConsoleIo::Impl::read_stdin() {
    std::uint8_t bytes[256];
    // With a text screen one at a time: what is behind Ctrl-A c is for ncurses to read.
    const ssize_t n = read(STDIN_FILENO, bytes, display ? 1 : sizeof bytes);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (n <= 0) {
        stdin_ended = true;  // the guest runs on; it may not need input
        return;
    }
    for (ssize_t i = 0; i < n; ++i) {
        // Bytes from a file or pipe are data, unless it was said that they are not (mon:stdio); only a person
        // at a terminal needs a way out.
        const EscapeKeys::Result key =
            escapes ? escape.feed(bytes[i]) : EscapeKeys::Result{EscapeKeys::Action::send, bytes[i]};
        switch (key.action) {
            case EscapeKeys::Action::send:
                if (monitor_has_focus)
                    monitor_says += monitor->feed({&key.byte, 1});
                else
                    held_back += static_cast<char>(key.byte);
                break;
            case EscapeKeys::Action::quit: quit = Quit::user; return;
            case EscapeKeys::Action::monitor: toggle_monitor(); break;
            case EscapeKeys::Action::help: fmt::print(stderr, "{}", EscapeKeys::kHelp); break;
            case EscapeKeys::Action::none: break;
        }
    }
    feed_serial();
}

void ConsoleIo::Impl::type_keys() {
    const TypedKeys typed = display->read_keys();
    if (typed.quit) quit = Quit::user;
    if (typed.monitor) toggle_monitor();
    for (const Stroke& stroke : typed.strokes) {
        // A guest that reads no keys loses them, as on a real machine.
        send_keys(held.press(stroke, std::chrono::steady_clock::now(), arena.keyboard_in.space()));
    }
}

void ConsoleIo::Impl::release_keys() {
    send_keys(held.release_due(std::chrono::steady_clock::now()));
}

void ConsoleIo::Impl::send_keys(const std::string& scan_codes) {
    if (scan_codes.empty()) return;
    for (const char c : scan_codes) arena.keyboard_in.push(static_cast<std::uint8_t>(c));
    ring_doorbell();
}

void ConsoleIo::Impl::show_screen() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_refresh || !terminal->raw() || monitor_has_focus) return;
    next_refresh = now + std::chrono::milliseconds(TextDisplay::kRefreshMilliseconds);
    if (ram.size < TextDisplay::kVideoMemory + TextDisplay::kVideoMemoryBytes) return;
    display->refresh(std::span(ram.bytes + TextDisplay::kVideoMemory, TextDisplay::kVideoMemoryBytes),
                     screen_registers(arena.devices.vga));
}

ConsoleIo::ConsoleIo(const RunConfig& config, Arena& arena, RamView ram, std::function<void()> ring_doorbell,
                     MonitorTerminal* monitor)
    : impl_(std::make_unique<Impl>(config, arena, ram, std::move(ring_doorbell), monitor)) {}

ConsoleIo::~ConsoleIo() = default;

int ConsoleIo::poll_fds(pollfd* into, int room) {
    int count = 0;
    const auto add = [&](int fd, short events) {
        if (count < std::min(room, kMaxPollFds)) into[count++] = {fd, events, 0};
    };
    add(impl_->signals.fd(), POLLIN);
    if (impl_->wants_stdin()) add(STDIN_FILENO, POLLIN);
    // A sink without pending bytes is watched too: POLLERR comes unasked, and says that its reader has gone.
    for (const auto* sink : {&impl_->serial_sink, &impl_->debugcon_sink, &impl_->own_sink}) {
        if (*sink && !(*sink)->failed()) add((*sink)->fd(), (*sink)->pending() ? POLLOUT : 0);
    }
    return count;
}

int ConsoleIo::timeout_ms() const {
    if (impl_->display) {
        const auto next =
            impl_->monitor_has_focus ? impl_->held.due() : std::min(impl_->next_refresh, impl_->held.due());
        const auto left = next - std::chrono::steady_clock::now();
        return static_cast<int>(
            std::clamp<long>(std::chrono::duration_cast<std::chrono::milliseconds>(left).count() + 1, 0,
                             TextDisplay::kRefreshMilliseconds));
    }
    return impl_->held_back.empty() ? -1 : kRetryMilliseconds;
}

void ConsoleIo::handle(const pollfd* fds, int count) {
    Impl& io = *impl_;
    for (int i = 0; i < count; ++i) {
        if (fds[i].revents == 0) continue;
        if (fds[i].fd == io.signals.fd()) {
            io.signals.clear();
            if (io.signals.requested() != 0 && io.quit == Quit::none) io.quit = Quit::signal;
            if (io.signals.take_continued() && io.terminal) {
                io.terminal->acquire();
                if (io.display && !io.monitor_has_focus) io.display->redraw();
            }
        } else if (fds[i].fd == STDIN_FILENO && fds[i].events == POLLIN) {
            if ((fds[i].revents & (POLLNVAL | POLLHUP | POLLERR)) && !(fds[i].revents & POLLIN)) {
                io.stdin_ended = true;
            } else if (io.display && !io.monitor_has_focus) {
                io.type_keys();
            } else {
                io.read_stdin();
            }
        } else if (fds[i].revents & POLLERR) {
            for (auto* sink : {&io.serial_sink, &io.debugcon_sink, &io.own_sink}) {
                if (*sink && (*sink)->fd() == fds[i].fd) (*sink)->reader_has_gone();
            }
        }
    }
    io.feed_serial();
    io.drain_all();
    if (io.display) {
        io.release_keys();
        io.show_screen();
    }
}

void ConsoleIo::drain() {
    impl_->drain_all();
}

void ConsoleIo::finish() {
    Impl& io = *impl_;
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    for (;;) {
        io.drain_all();
        pollfd waiting[3];
        int count = 0;
        for (const auto* sink : {&io.serial_sink, &io.debugcon_sink, &io.own_sink}) {
            if (*sink && (*sink)->pending()) waiting[count++] = {(*sink)->fd(), POLLOUT, 0};
        }
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        if (count == 0 || left.count() <= 0) break;
        poll(waiting, static_cast<nfds_t>(count), static_cast<int>(left.count()));
    }
    // On a screen, what comes next shall not begin behind the guest's prompt.  Elsewhere bytes stay as they
    // are.
    if (io.serial_sink && io.serial_sink->inside_line() && isatty(io.serial_sink->fd())) {
        io.serial_sink->put(reinterpret_cast<const std::uint8_t*>("\n"), 1);
    }
    if (io.display) {
        io.next_refresh = {};
        io.show_screen();
    }
    io.display.reset();
    io.terminal.reset();
}

Quit ConsoleIo::quit_requested() const {
    return impl_->quit;
}

int ConsoleIo::quit_signal() const {
    return impl_->quit == Quit::signal ? impl_->signals.requested() : 0;
}

const std::string& ConsoleIo::quit_message() const {
    return impl_->message;
}

}  // namespace ringpress
