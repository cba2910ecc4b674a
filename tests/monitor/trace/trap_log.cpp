#include "monitor/trace/trap_log.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <stdexcept>

#include "../host_files.hpp"
#include "monitor/trace/trap_causes.hpp"
#include "monitor/trace/trap_stream.hpp"
#include "traced_arena.hpp"

using namespace ringpress;
using Catch::Matchers::Contains;

TEST_CASE("The log shows every record, and says what it missed") {
    const test::TemporaryFolder folder;
    test::TracedArena arena;
    RunConfig config;
    config.log_items = {"insn"};
    config.log_file = folder.path("log");
    TrapStream stream(config);
    stream.begin(*arena, {});
    arena.add(TrapCause::privileged, 0x1111);
    stream.handle({});
    std::string text = test::content_of(config.log_file);
    CHECK_THAT(text, Contains("00001111") && Contains("privileged") && Contains("cli"));

    for (unsigned i = 0; i < kTraceRingSize + 4; ++i) arena.add(TrapCause::patched, 0x3000 + i);
    stream.finish();
    text = test::content_of(config.log_file);
    CHECK_THAT(text, Contains("(5 traps not logged)") && !Contains("eip 00003004") &&
                         Contains("eip 00003005") && Contains("eip 00013003"));
}

TEST_CASE("A forged trap record is shown as nonsense, not followed") {
    test::TracedArena arena;
    TrapRecord& r = arena->traps[0];
    r.cause = 255;
    r.insn = 255;
    arena->trap_count = 0xFFFFFFFF;
    CHECK_THAT(last_traps(*arena, 1000), Contains("?"));
    CHECK(cause_name(255) == "?");
}

TEST_CASE("The stream tells the core which causes are worth their while") {
    const test::TemporaryFolder folder;
    test::TracedArena arena;
    RunConfig config;
    config.log_items = {"gate"};
    config.log_file = folder.path("log");
    TrapStream(config).begin(*arena, {});
    CHECK(arena->traced_causes == 1u << static_cast<unsigned>(TrapCause::gate));
    TrapStream(RunConfig{}).begin(*arena, {});
    CHECK(arena->traced_causes == 0);
    RunConfig traced;
    traced.trace_file = folder.path("trace");
    TrapStream(traced).begin(*arena, {});
    CHECK(arena->traced_causes == causes_of({"trap"}));
}

TEST_CASE("With a trace, -d chooses what goes into it and -D where the text goes, if anywhere") {
    const test::TemporaryFolder folder;
    test::TracedArena arena;
    RunConfig config;
    config.trace_file = folder.path("trace");
    config.log_items = {"insn"};
    for (const bool log : {false, true}) {
        config.log_file = log ? folder.path("log") : "";
        TrapStream stream(config);
        stream.begin(*arena, {});
        arena.add(TrapCause::privileged, 0x1111);
        stream.finish();
    }
    CHECK_THAT(test::content_of(folder.path("trace")), Contains("0x00001111"));
    CHECK_THAT(test::content_of(folder.path("log")), Contains("00001111"));
}

TEST_CASE("A machine that is started over is logged from its beginning") {
    const test::TemporaryFolder folder;
    RunConfig config;
    config.log_items = {"insn"};
    config.log_file = folder.path("log");
    TrapStream stream(config);
    for (const std::uint32_t eip : {0x1111u, 0x2222u}) {
        test::TracedArena arena;
        stream.begin(*arena, {});
        arena.add(TrapCause::patched, eip);
        stream.finish();
    }
    const std::string text = test::content_of(config.log_file);
    CHECK_THAT(text, Contains("00001111") && Contains("00002222") && !Contains("not logged"));
}

TEST_CASE("Without -d there is nothing to wait for, and an unwritable log is an error") {
    CHECK(TrapStream(RunConfig{}).timeout_ms() == -1);
    RunConfig config;
    config.log_items = {"trap"};
    config.log_file = "/nonexistent/log";
    CHECK_THROWS_WITH(TrapStream(config), Contains("cannot write the log"));
}

TEST_CASE("The last traps come oldest first") {
    test::TracedArena arena;
    CHECK(last_traps(*arena).empty());
    for (unsigned i = 0; i < 20; ++i) arena->traps[arena->trap_count++ % kTrapRingSize].eip = i;
    const std::string text = last_traps(*arena, 3);
    CHECK(std::count(text.begin(), text.end(), '\n') == 3);
    CHECK(text.find("eip 00000011") < text.find("eip 00000013"));
}

TEST_CASE("What is logged can be changed while the guest runs") {
    const test::TemporaryFolder folder;
    test::TracedArena arena;
    RunConfig config;
    config.log_file = folder.path("log");
    TrapStream stream(config);
    stream.begin(*arena, {});
    CHECK(stream.timeout_ms() == -1);
    stream.log({"insn"});
    CHECK(arena->traced_causes == causes_of({"insn"}));
    CHECK(stream.timeout_ms() >= 0);
    arena.add(TrapCause::patched, 0x1111);
    stream.log({});
    CHECK(arena->traced_causes == 0);
    CHECK(stream.timeout_ms() == -1);
    CHECK_THAT(test::content_of(config.log_file), Contains("00001111"));
    stream.log({"mmu"});
    CHECK(arena->traced_causes == causes_of({"mmu"}));
    stream.finish();
}

TEST_CASE("A log that is asked for later needs a place, too") {
    test::TracedArena arena;
    RunConfig config;
    SECTION("a file that can be written") {
        config.log_file = "/nonexistent/log";
        TrapStream stream(config);
        stream.begin(*arena, {});
        CHECK_THROWS_WITH(stream.log({"trap"}), Contains("cannot write the log"));
        CHECK(arena->traced_causes == 0);
    }
    SECTION("a terminal that is not the text screen's") {
        config.display = Display::text;
        TrapStream stream(config);
        stream.begin(*arena, {});
        CHECK_THROWS_WITH(stream.log({"trap"}), Contains("start with -D FILE"));
        stream.log({});
    }
}
