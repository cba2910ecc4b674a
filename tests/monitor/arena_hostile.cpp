// Everything in the supervisor that reads the arena, over arenas that hold anything at all.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "host_files.hpp"
#include "monitor/console_io.hpp"
#include "monitor/cpu_dump.hpp"
#include "monitor/exit_codes.hpp"
#include "monitor/guest_end.hpp"
#include "monitor/memory_file.hpp"
#include "monitor/stats_report.hpp"
#include "monitor/terminal.hpp"
#include "monitor/text_display.hpp"
#include "monitor/trace/trap_causes.hpp"
#include "monitor/trace/trap_log.hpp"
#include "monitor/trace/trap_stream.hpp"
#include "pty_child.hpp"

using namespace ringpress;

namespace {

/// What a hostile guest process might write into memory that it shares.
class Vandal {
  public:
    explicit Vandal(std::uint64_t seed) : random_(seed) {}

    /// Overwrites a range in one of several ways.
    void fill(void* memory, std::size_t bytes) {
        auto* at = static_cast<std::uint8_t*>(memory);
        switch (random_() % 6) {
            case 0: std::memset(at, 0xFF, bytes); break;
            case 1: std::memset(at, 0x00, bytes); break;
            case 2: std::memset(at, 0x80, bytes); break;
            case 3: std::memset(at, 0x1B, bytes); break;  // ESC: what a terminal obeys
            case 4:                                       // some words only
                for (unsigned i = 0; i < 64; ++i) word(at + random_() % (bytes - 8));
                break;
            default:
                for (std::size_t i = 0; i + 8 <= bytes; i += 8) word(at + i);
        }
    }
    std::uint64_t number() { return random_(); }

  private:
    void word(std::uint8_t* at) {
        const std::uint64_t value = random_();
        std::memcpy(at, &value, sizeof value);
    }
    std::mt19937_64 random_;
};

struct HostileArena {
    HostileArena()
        : file("test-arena", sizeof(Arena)),
          map(file.map()),
          arena(*static_cast<Arena*>(map.get_address())) {}
    /// What lies before the shadow tables, which the supervisor does not read but for their counters.
    void spoil(Vandal& vandal) {
        auto* begin = reinterpret_cast<std::uint8_t*>(&arena);
        const auto head = static_cast<std::size_t>(reinterpret_cast<std::uint8_t*>(&arena.shadow) - begin);
        vandal.fill(begin, head);
        vandal.fill(&arena.shadow.counters, sizeof arena.shadow.counters);
        vandal.fill(&arena.trace, 64 * sizeof(TraceRecord));
    }
    MemoryFile file;
    boost::interprocess::mapped_region map;
    Arena& arena;
};

bool is_printable(const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c == '\n' || (c >= ' ' && c < 127); });
}

RunConfig config_with(const test::TemporaryFolder& folder) {
    RunConfig config;
    config.serial = "file:/dev/null";
    config.debugcon = "file:/dev/null";
    config.log_items = log_item_names();
    config.log_file = folder.path("traps");
    return config;
}

std::vector<std::uint8_t> guest_ram() {
    return std::vector<std::uint8_t>(TextDisplay::kVideoMemory + TextDisplay::kVideoMemoryBytes);
}

std::uint64_t new_seed() {
    return std::random_device{}();
}

}  // namespace

TEST_CASE(
    "Whatever the arena holds, the end of the guest is told in printable words and by a documented status") {
    const std::uint64_t seed = new_seed();
    INFO("seed " << seed);
    Vandal vandal(seed);
    HostileArena hostile;
    Arena& arena = hostile.arena;
    for (int round = 0; round < 300; ++round) {
        hostile.spoil(vandal);
        const auto any = static_cast<StopReason>(static_cast<std::uint32_t>(vandal.number()));
        for (const StopReason reason :
             {arena.stop.reason.load(), any, static_cast<StopReason>(vandal.number() % 10), StopReason::fence,
              StopReason::bug, StopReason::debug_exit, StopReason::shutdown}) {
            const ExitReport report = explain_stop(arena, reason);
            CHECK(is_printable(report.message));
            CHECK(report.message.size() < 8192);
            const bool ours = std::any_of(exit_codes().begin(), exit_codes().end(), [&](auto& line) {
                return ringpress::exit_status(line.code) == report.code;
            });
            CHECK((ours || (reason == StopReason::debug_exit && report.code > 0 && report.code < 256)));
            if (reason == StopReason::debug_exit) CHECK(report.code % 2 == 1);
        }
        for (const int status :
             {SIGSYS, SIGKILL, SIGSEGV, 2 << 8, 70 << 8, static_cast<int>(vandal.number() & 0xFF7F)})
            CHECK(is_printable(explain_death(arena, status).message));
    }
}

TEST_CASE("A reason to stop that does not exist is a bug of the monitor, or a lie: status 70") {
    HostileArena hostile;
    CHECK(explain_stop(hostile.arena, static_cast<StopReason>(1000)).code == 70);
    CHECK(explain_stop(hostile.arena, StopReason::none).code == 70);
}

TEST_CASE("Escape sequences in the text of a stop do not reach the terminal") {
    HostileArena hostile;
    StopRecord& stop = hostile.arena.stop;
    std::memset(stop.detail, 'a', sizeof stop.detail);  // no end, too
    std::memcpy(stop.detail, "\x1B[2J\r\n\x9B\x07", 8);
    const std::string message = explain_stop(hostile.arena, StopReason::fence).message;
    CHECK(is_printable(message));
    CHECK(message.find("?[2J????aaaa") != std::string::npos);
    CHECK(std::count(message.begin(), message.end(), '\n') == 0);
    CHECK(message.size() < sizeof stop.detail + 100);
}

TEST_CASE("Statistics of any content can be shown") {
    const std::uint64_t seed = new_seed();
    INFO("seed " << seed);
    Vandal vandal(seed);
    HostileArena hostile;
    for (int round = 0; round < 200; ++round) {
        hostile.spoil(vandal);
        const Statistics s = counted(hostile.arena);
        CHECK(is_printable(stats_text(s, 1.0)));
        CHECK(is_printable(stats_text(s, 0.0)));
        CHECK(nlohmann::json::parse(stats_json(s, 1.0)).is_object());
    }
}

TEST_CASE("Any trap ring can be logged and traced, in bounded time and with printable lines") {
    const std::uint64_t seed = new_seed();
    INFO("seed " << seed);
    Vandal vandal(seed);
    HostileArena hostile;
    const test::TemporaryFolder folder;
    RunConfig config = config_with(folder);
    config.trace_file = folder.path("trace");
    config.trace_bytes = 4 << 20;
    {
        TrapStream stream(config);
        stream.begin(hostile.arena, {});
        for (int round = 0; round < 100; ++round) {
            hostile.spoil(vandal);
            stream.handle({});
            CHECK(is_printable(last_traps(hostile.arena, 1000)));
        }
        stream.finish();
    }
    const std::string text = test::content_of(config.log_file);
    CHECK(!text.empty());
    CHECK(is_printable(text));
    const std::string trace = test::content_of(config.trace_file);
    CHECK(trace.size() <= config.trace_bytes);
    CHECK(is_printable(trace));
    std::istringstream lines(trace);
    std::string last;
    for (std::string line; std::getline(lines, line); last = line)
        REQUIRE(nlohmann::json::parse(line).is_object());
    CHECK(last.find("\"end\"") != std::string::npos);
}

TEST_CASE("Console rings with any indices are drained, fed and finished with in bounded time") {
    const std::uint64_t seed = new_seed();
    INFO("seed " << seed);
    Vandal vandal(seed);
    HostileArena hostile;
    const test::TemporaryFolder folder;
    const auto ram = guest_ram();
    unsigned rung = 0;
    ConsoleIo console(config_with(folder), hostile.arena,
                      {ram.data(), static_cast<std::uint32_t>(ram.size())}, [&] { ++rung; });
    const auto began = std::chrono::steady_clock::now();
    for (int round = 0; round < 200; ++round) {
        hostile.spoil(vandal);
        pollfd fds[ConsoleIo::kMaxPollFds];
        const int count = console.poll_fds(fds, ConsoleIo::kMaxPollFds);
        REQUIRE(count <= ConsoleIo::kMaxPollFds);
        poll(fds, static_cast<nfds_t>(count), 0);
        console.handle(fds, count);
        console.drain();
        CHECK(hostile.arena.serial_out.size() <= sizeof hostile.arena.serial_out.bytes);
        CHECK(hostile.arena.serial_in.space() <= sizeof hostile.arena.serial_in.bytes);
    }
    CHECK(console.quit_requested() == Quit::none);
    console.finish();
    CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(60));
}

TEST_CASE("What runs while the guest does bears an arena that changes under its eyes") {
    const std::uint64_t seed = new_seed();
    INFO("seed " << seed);
    HostileArena hostile;
    const test::TemporaryFolder folder;
    const auto ram = guest_ram();
    const pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        Vandal vandal(seed);
        for (;;) hostile.spoil(vandal);
    }
    {
        ConsoleIo console(config_with(folder), hostile.arena,
                          {ram.data(), static_cast<std::uint32_t>(ram.size())}, [] {});
        RunConfig config = config_with(folder);
        config.trace_file = folder.path("trace");
        TrapStream stream(config);
        stream.begin(hostile.arena, {});
        const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(1500);
        while (std::chrono::steady_clock::now() < end) {
            console.drain();
            pollfd fds[ConsoleIo::kMaxPollFds];
            const int count = console.poll_fds(fds, ConsoleIo::kMaxPollFds);
            poll(fds, static_cast<nfds_t>(count), 0);
            console.handle(fds, count);
            stream.handle({});
            screen_registers(hostile.arena.devices.vga);
        }
        CHECK(console.quit_requested() == Quit::none);
        console.finish();
    }
    int status = 0;
    CHECK(waitpid(pid, &status, WNOHANG) == 0);  // it was at it to the end
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    CHECK(is_printable(test::content_of(folder.path("traps"))));
}

TEST_CASE("Any screen memory and any CRT controller can be displayed") {
    const std::uint64_t seed = new_seed();
    INFO("seed " << seed);
    test::PtyChild child([&] {
        alarm(60);
        setenv("TERM", "xterm-256color", 1);
        Vandal vandal(seed);
        std::vector<std::uint8_t> video(TextDisplay::kVideoMemoryBytes);
        VgaTextState vga;
        {
            Terminal terminal(STDIN_FILENO);
            TextDisplay display(terminal);
            for (int round = 0; round < 60; ++round) {
                vandal.fill(video.data(), video.size());
                vandal.fill(&vga, sizeof vga);
                display.refresh(video, screen_registers(vga));
            }
        }
        std::printf("all shown\n");
        std::fflush(stdout);
        return 7;
    });
    CHECK(child.shows("all shown"));
    CHECK(WEXITSTATUS(child.wait()) == 7);
}
