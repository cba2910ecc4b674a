#include "monitor/console_io.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <stdexcept>
#include <thread>

#include "control/fake_machine.hpp"
#include "host_files.hpp"
#include "monitor/control/monitor_terminal.hpp"
#include "monitor/output_sink.hpp"
#include "monitor/text_display.hpp"
#include "pty_child.hpp"

using namespace ringpress;
using Catch::Matchers::Contains;
using test::PtyChild;

namespace {

/// Descriptors 0 and 1 exchanged for the ends of pipes, and put back at the end.
class Pipes {
  public:
    Pipes() {
        REQUIRE(pipe(in_) == 0);
        REQUIRE(pipe(out_) == 0);
        old_in_ = dup(0);
        old_out_ = dup(1);
        dup2(in_[0], 0);
        dup2(out_[1], 1);
        close(in_[0]);
        close(out_[1]);
    }
    ~Pipes() {
        restore();
        close_input();
        close_output();
    }
    void restore() {
        if (old_in_ < 0) return;
        dup2(old_in_, 0);
        dup2(old_out_, 1);
        close(old_in_);
        close(old_out_);
        old_in_ = -1;
    }
    void type(const std::string& text) {
        REQUIRE(write(in_[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    }
    void close_input() { close_one(in_[1]); }
    void close_output() { close_one(out_[0]); }
    std::string read_output(std::size_t at_most) {
        std::string text(at_most, 0);
        const ssize_t n = read(out_[0], text.data(), text.size());
        text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
        return text;
    }

  private:
    static void close_one(int& fd) {
        if (fd >= 0) close(fd);
        fd = -1;
    }
    int in_[2], out_[2], old_in_, old_out_;
};

void turn(ConsoleIo& console, int patience_ms = 0) {
    pollfd fds[ConsoleIo::kMaxPollFds];
    const int count = console.poll_fds(fds, ConsoleIo::kMaxPollFds);
    poll(fds, static_cast<nfds_t>(count), patience_ms);
    console.handle(fds, count);
}

template <class Ring>
void put(Ring& ring, const std::string& text) {
    for (const char c : text) ring.push(static_cast<std::uint8_t>(c));
}

template <class Ring>
std::string take(Ring& ring) {
    std::string text;
    for (std::uint8_t byte; ring.pop(byte);) text += static_cast<char>(byte);
    return text;
}

}  // namespace

TEST_CASE("Serial bytes pass between standard input, the guest and standard output unchanged") {
    auto arena = std::make_unique<Arena>();
    Pipes pipes;
    int bells = 0;
    std::string out, in;
    {
        ConsoleIo console({}, *arena, {}, [&] { ++bells; });
        std::string all;
        for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
        put(arena->serial_out, all);
        console.drain();
        out = pipes.read_output(1000);
        pipes.type(all);
        turn(console);
        in = take(arena->serial_in);
        CHECK(in == all);  // Ctrl-A too: a pipe is not a person
        CHECK(out == all);
        CHECK(console.quit_requested() == Quit::none);
    }
    CHECK(bells == 1);
}

TEST_CASE("The end of standard input is not the end of the guest") {
    auto arena = std::make_unique<Arena>();
    Pipes pipes;
    ConsoleIo console({}, *arena, {}, [] {});
    pipes.type("last");
    pipes.close_input();
    turn(console);
    turn(console);
    CHECK(take(arena->serial_in) == "last");
    CHECK(console.quit_requested() == Quit::none);
    pollfd fds[ConsoleIo::kMaxPollFds];
    const int count = console.poll_fds(fds, ConsoleIo::kMaxPollFds);
    for (int i = 0; i < count; ++i) CHECK(fds[i].fd != 0);
    pipes.restore();
}

TEST_CASE("Input beyond the ring's room waits and arrives whole and in order") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    auto arena = std::make_unique<Arena>();
    Pipes pipes;
    ConsoleIo console({}, *arena, {}, [] {});
    std::string sent(40000, 0), got;
    for (char& c : sent) c = static_cast<char>(random());
    pipes.type(sent);
    pipes.close_input();
    for (int i = 0; i < 10000 && got.size() < sent.size(); ++i) {
        turn(console);
        for (std::size_t n = random() % 300; n > 0; --n) {
            std::uint8_t byte;
            if (!arena->serial_in.pop(byte)) break;
            got += static_cast<char>(byte);
        }
    }
    CHECK(got == sent);
    pipes.restore();
}

TEST_CASE("A slow reader holds up the guest's output, not the supervisor, and loses nothing") {
    auto arena = std::make_unique<Arena>();
    Pipes pipes;
    int bells = 0;
    ConsoleIo console({}, *arena, {}, [&] { ++bells; });
    std::string sent, got;
    for (int i = 0; got.size() < 1000000 && i < 100000; ++i) {
        while (sent.size() < 1000000 && arena->serial_out.push(static_cast<std::uint8_t>(sent.size() * 7))) {
            sent += static_cast<char>(sent.size() * 7);
        }
        turn(console);  // returns although the pipe is full
        if (i % 3 == 0) got += pipes.read_output(10000);
    }
    CHECK(bells > 0);  // the guest was told when its full ring had room again
    CHECK((got == sent));
    pipes.restore();
}

TEST_CASE("A reader that has gone ends the run") {
    auto arena = std::make_unique<Arena>();
    Pipes pipes;
    ConsoleIo console({}, *arena, {}, [] {});
    pipes.close_output();
    put(arena->serial_out, "x");
    console.drain();
    CHECK(console.quit_requested() == Quit::output_failed);
    CHECK_THAT(console.quit_message(), Contains("standard output"));
    put(arena->serial_out, std::string(70000, 'x'));
    console.drain();
    CHECK(arena->serial_out.size() == 0);
    pipes.restore();
}

TEST_CASE("A reader that has gone is noticed even if the guest is silent") {
    auto arena = std::make_unique<Arena>();
    Pipes pipes;
    ConsoleIo console({}, *arena, {}, [] {});
    turn(console);
    CHECK(console.quit_requested() == Quit::none);
    pipes.close_output();
    turn(console, 1000);
    CHECK(console.quit_requested() == Quit::output_failed);
    pipes.restore();
}

TEST_CASE("Serial port and debug console go to files, one file may take both") {
    const test::TemporaryFolder folder;
    auto arena = std::make_unique<Arena>();
    RunConfig config;
    config.serial = "file:" + folder.path("serial");
    config.debugcon = "file:" + folder.path("debug");
    {
        ConsoleIo console(config, *arena, {}, [] {});
        put(arena->serial_out, "serial");
        put(arena->debugcon_out, "debug");
        console.finish();
    }
    CHECK(test::content_of(folder.path("serial")) == "serial");
    CHECK(test::content_of(folder.path("debug")) == "debug");
    config.debugcon = config.serial;
    empty_output_file(config.serial);
    {
        ConsoleIo console(config, *arena, {}, [] {});
        put(arena->serial_out, "one");
        console.drain();
        put(arena->debugcon_out, "two");
        console.finish();
    }
    CHECK(test::content_of(folder.path("serial")) == "onetwo");
    {
        ConsoleIo after_a_reset(config, *arena, {}, [] {});
        put(arena->serial_out, "three");
        after_a_reset.finish();
    }
    CHECK(test::content_of(folder.path("serial")) == "onetwothree");
}

TEST_CASE("A file that cannot be written is told of: at once, or when the disk is full") {
    auto arena = std::make_unique<Arena>();
    RunConfig config;
    config.serial = "file:/nonexistent/x";
    CHECK_THROWS_WITH(ConsoleIo(config, *arena, {}, [] {}),
                      Contains("-serial") && Contains("/nonexistent/x"));
    config.serial = "file:/dev/full";
    ConsoleIo console(config, *arena, {}, [] {});
    put(arena->serial_out, "x");
    console.drain();
    CHECK(console.quit_requested() == Quit::output_failed);
    CHECK_THAT(console.quit_message(), Contains("/dev/full") && Contains("No space left"));
}

TEST_CASE("Forged ring indices lose bytes and nothing else") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const test::TemporaryFolder folder;
    auto arena = std::make_unique<Arena>();
    RunConfig config;
    config.serial = "file:" + folder.path("serial");
    {
        ConsoleIo console(config, *arena, {}, [] {});
        for (int i = 0; i < 50; ++i) {
            arena->serial_out.written = static_cast<std::uint32_t>(random());
            arena->serial_out.taken = static_cast<std::uint32_t>(random());
            arena->debugcon_out.written = static_cast<std::uint32_t>(random());
            console.drain();  // comes back, whatever the indices say
        }
        arena->serial_out.written = arena->serial_out.taken.load();
        put(arena->serial_out, "still alive");
        console.drain();
    }
    CHECK_THAT(test::content_of(folder.path("serial")), Catch::Matchers::EndsWith("still alive"));
}

TEST_CASE("SIGTERM asks the run to end, and is reported") {
    auto arena = std::make_unique<Arena>();
    RunConfig config;
    config.serial = "none";
    ConsoleIo console(config, *arena, {}, [] {});
    kill(getpid(), SIGTERM);
    turn(console, 1000);
    CHECK(console.quit_requested() == Quit::signal);
    CHECK(console.quit_signal() == SIGTERM);
}

namespace {

/// A guest of sorts: echoes every serial byte in brackets until it is told to quit.
int echo_guest() {
    auto arena = std::make_unique<Arena>();
    ConsoleIo console({}, *arena, {}, [] {});
    put(arena->serial_out, "ready");
    while (console.quit_requested() == Quit::none) {
        console.drain();
        turn(console, 20);
        for (std::uint8_t byte; arena->serial_in.pop(byte);) {
            put(arena->serial_out, fmt::format("<{}>", byte));
        }
    }
    put(arena->serial_out, "prompt");
    console.finish();
    std::printf("message\n");
    std::fflush(stdout);
    return console.quit_requested() == Quit::user ? 7 : 1;
}

}  // namespace

TEST_CASE("At a terminal every key reaches the guest, Ctrl-C too, and Ctrl-A x leaves") {
    PtyChild child(echo_guest);
    REQUIRE(child.shows("ready"));
    child.type("a\x03\x1A\r");
    CHECK(child.shows("<97><3><26><13>"));
    child.type(
        "\x01"
        "a");
    CHECK(child.shows("<1>"));
    child.type("\x01h");
    CHECK(child.shows("end the guest and leave"));
    CHECK(child.raw());
    child.type("\x01x");
    CHECK(WEXITSTATUS(child.wait()) == 7);
    CHECK_FALSE(child.raw());
    CHECK(child.shows("prompt\r\nmessage"));
}

namespace {

/// Shows one screen by -display text and reports the scan codes of the keys typed.
int screen_guest(const std::string& codes_file, bool with_monitor = false) {
    setenv("TERM", "xterm-256color", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    auto arena = std::make_unique<Arena>();
    std::string ram(1 << 20, 0);
    const auto cell = [&](unsigned row, unsigned column, unsigned char glyph) {
        ram[0xB8000 + (row * 80 + column) * 2] = static_cast<char>(glyph);
        ram[0xB8000 + (row * 80 + column) * 2 + 1] = 0x1F;
    };
    const std::string text = "Invaders";
    for (unsigned i = 0; i < text.size(); ++i) cell(12, 30 + i, static_cast<unsigned char>(text[i]));
    cell(0, 0, 0xC9);  // a corner of a double frame
    RunConfig config;
    config.serial = "none";
    config.display = Display::text;
    test::FakeMachine machine;
    MonitorTerminal monitor(machine);
    ConsoleIo console(
        config, *arena, {reinterpret_cast<const std::uint8_t*>(ram.data()), 1 << 20}, [] {},
        with_monitor ? &monitor : nullptr);
    std::string codes;
    while (console.quit_requested() == Quit::none) {
        turn(console, console.timeout_ms());
        codes += take(arena->keyboard_in);
        FILE* file = fopen(codes_file.c_str(), "w");
        fwrite(codes.data(), 1, codes.size(), file);
        fclose(file);
    }
    console.finish();
    return console.quit_requested() == Quit::user ? 7 : 1;
}

}  // namespace

TEST_CASE("The text display shows the VGA screen and turns keys into scan codes") {
    const test::TemporaryFolder folder;
    const std::string codes = folder.path("codes");
    PtyChild child([&] { return screen_guest(codes); });
    REQUIRE(child.shows("Invaders"));
    CHECK(child.shows("\u2554"));
    child.type("a");
    // A key comes up by itself, or when another one goes down.
    CHECK(PtyChild::eventually([&] { return test::content_of(codes) == "\x1E\x9E"; }));
    child.type("\x1BOA");  // cursor up
    child.type("\x1BOP");  // F1
    child.type("\x1B[C");  // cursor right, from a terminal in the other mode
    const std::string expected = "\x1E\x9E\xE0\x48\xE0\xC8\x3B\xBB\xE0\x4D\xE0\xCD";
    CHECK(PtyChild::eventually([&] { return test::content_of(codes) == expected; }));
    child.type("\x01x");
    CHECK(WEXITSTATUS(child.wait()) == 7);
    CHECK_FALSE(child.raw());
    CHECK(child.shows("\x1B[?1049l"));  // back from the alternate screen
}

TEST_CASE("Ctrl-A c puts the monitor in the place of the text display and back") {
    const std::string enter_screen = "\x1B[?1049h", leave_screen = "\x1B[?1049l";
    const test::TemporaryFolder folder;
    const std::string codes = folder.path("codes");
    PtyChild child([&] { return screen_guest(codes, true); });
    REQUIRE(child.shows("Invaders"));
    CHECK(child.screen().find("monitor") == std::string::npos);
    // All at once: what is behind Ctrl-A c is the other one's.
    child.type(
        "\x01"
        "cp 6*7\r");
    CHECK(child.shows("0x2a"));
    CHECK(child.shows(leave_screen));
    CHECK(child.raw());
    CHECK(test::content_of(codes).empty());
    child.type(
        "\x01"
        "ca");
    CHECK(PtyChild::eventually([&] { return test::content_of(codes) == "\x1E\x9E"; }));
    CHECK(PtyChild::eventually([&] { return child.shows_again(enter_screen); }));
    CHECK(PtyChild::eventually([&] { return child.shows_again("Invaders"); }));
    // The end comes to the monitor's screen as well.
    child.type(
        "\x01"
        "cp 7*7\r\x01x");
    CHECK(WEXITSTATUS(child.wait()) == 7);
    CHECK_FALSE(child.raw());
    CHECK(child.shows("0x31"));
}

TEST_CASE("Without a monitor Ctrl-A c leaves the text display alone") {
    const test::TemporaryFolder folder;
    const std::string codes = folder.path("codes");
    PtyChild child([&] { return screen_guest(codes); });
    REQUIRE(child.shows("Invaders"));
    child.type(
        "\x01"
        "ca");
    CHECK(PtyChild::eventually([&] { return test::content_of(codes) == "\x1E\x9E"; }));
    child.type("\x01x");
    CHECK(WEXITSTATUS(child.wait()) == 7);
}

TEST_CASE("The text display shows the page that the CRTC points to, and hides a cursor that is off") {
    VgaTextState vga;
    vga.crtc[crtc::kStartHigh] = 0x01;
    vga.crtc[crtc::kStartLow] = 0x23;
    vga.crtc[crtc::kCursorHigh] = 0x04;
    vga.crtc[crtc::kCursorLow] = 0x56;
    vga.crtc[crtc::kCursorStart] = 13;
    vga.crtc[crtc::kCursorEnd] = 14;
    CHECK(screen_registers(vga).start == 0x123);
    CHECK(screen_registers(vga).cursor == 0x456);
    CHECK(screen_registers(vga).cursor_on);
    vga.crtc[crtc::kCursorStart] = 13 | 0x20;
    CHECK_FALSE(screen_registers(vga).cursor_on);
}
