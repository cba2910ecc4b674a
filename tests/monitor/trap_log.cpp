#include "monitor/trap_log.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <stdexcept>

#include "host_files.hpp"

using namespace ringpress;
using Catch::Matchers::Contains;

namespace {

void record(Arena& arena, TrapCause cause, std::uint32_t eip) {
    const std::uint32_t at = arena.trap_count.load();
    TrapRecord& r = arena.traps[at % kTrapRingSize];
    r = {};
    r.cause = static_cast<std::uint8_t>(cause);
    r.insn = static_cast<std::uint8_t>(InsnId::cli);
    r.eip = eip;
    arena.trap_count = at + 1;
}

}  // namespace

TEST_CASE("The log shows the causes that were asked for, and says what it missed") {
    const test::TemporaryFolder folder;
    auto arena = std::make_unique<Arena>();
    RunConfig config;
    config.log_items = {"insn"};
    config.log_file = folder.path("log");
    TrapLog log(config);
    REQUIRE(log.enabled());
    record(*arena, TrapCause::privileged, 0x1111);
    record(*arena, TrapCause::hidden_fault, 0x2222);
    log.drain(*arena);
    std::string text = test::content_of(config.log_file);
    CHECK_THAT(text, Contains("00001111") && Contains("privileged") && Contains("cli"));
    CHECK_THAT(text, !Contains("00002222"));

    for (unsigned i = 0; i < kTrapRingSize + 5; ++i) record(*arena, TrapCause::patched, 0x3000 + i);
    log.drain(*arena);
    text = test::content_of(config.log_file);
    CHECK_THAT(text, Contains("(5 traps not logged)") && !Contains("00003004") && Contains("00003005"));
}

TEST_CASE("A forged trap record is shown as nonsense, not followed") {
    auto arena = std::make_unique<Arena>();
    TrapRecord& r = arena->traps[0];
    r.cause = 255;
    r.insn = 255;
    arena->trap_count = 0xFFFFFFFF;
    CHECK_THAT(last_traps(*arena, 1000), Contains("?"));
    CHECK(cause_name(255) == "?");
}

TEST_CASE("The log tells the core which causes are worth their while, and times only where there are any") {
    const test::TemporaryFolder folder;
    auto arena = std::make_unique<Arena>();
    RunConfig config;
    config.log_items = {"gate"};
    config.log_file = folder.path("log");
    TrapLog(config).begin(*arena);
    CHECK(arena->logged_causes == 1u << static_cast<unsigned>(TrapCause::gate));
    TrapLog(RunConfig{}).begin(*arena);
    CHECK(arena->logged_causes == 0);
    TrapRecord r;
    CHECK_THAT(trap_line(r), !Contains(" ms "));
    r.time = 1'500'000;
    CHECK_THAT(trap_line(r), Contains("1.500000 ms"));
}

TEST_CASE("A machine that is started over is logged from its beginning") {
    const test::TemporaryFolder folder;
    RunConfig config;
    config.log_items = {"insn"};
    config.log_file = folder.path("log");
    TrapLog log(config);
    for (const std::uint32_t eip : {0x1111u, 0x2222u}) {
        auto arena = std::make_unique<Arena>();
        log.begin(*arena);
        record(*arena, TrapCause::patched, eip);
        log.drain(*arena);
    }
    const std::string text = test::content_of(config.log_file);
    CHECK_THAT(text, Contains("00001111") && Contains("00002222") && !Contains("not logged"));
}

TEST_CASE("Without -d there is no log, and an unwritable one is an error") {
    CHECK_FALSE(TrapLog(RunConfig{}).enabled());
    RunConfig config;
    config.log_items = {"trap"};
    config.log_file = "/nonexistent/log";
    CHECK_THROWS_WITH(TrapLog(config), Contains("cannot write the log"));
}

TEST_CASE("The last traps come oldest first") {
    auto arena = std::make_unique<Arena>();
    CHECK(last_traps(*arena).empty());
    for (unsigned i = 0; i < 20; ++i) record(*arena, TrapCause::patched, i);
    const std::string text = last_traps(*arena, 3);
    CHECK(std::count(text.begin(), text.end(), '\n') == 3);
    CHECK(text.find("eip 00000011") < text.find("eip 00000013"));
}
