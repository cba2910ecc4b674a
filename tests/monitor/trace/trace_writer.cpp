#include "monitor/trace/trace_writer.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "../host_files.hpp"
#include "monitor/trace/trap_stream.hpp"
#include "traced_arena.hpp"

using namespace ringpress;
using Catch::Matchers::Contains;
using nlohmann::json;

namespace {

std::vector<json> lines_of(const std::string& file) {
    std::istringstream text(test::content_of(file));
    std::vector<json> lines;
    for (std::string line; std::getline(text, line);) lines.push_back(json::parse(line));
    return lines;
}

/// popf at 0xC0001000 that set IF, as a core notes it.
TraceRecord popf() {
    TraceRecord r;
    r.trap = {0xC0001000,
              0,
              0,
              static_cast<std::uint8_t>(Vector::BP),
              static_cast<std::uint8_t>(TrapCause::patched),
              static_cast<std::uint8_t>(InsnId::popf),
              0};
    r.linear = 0xC0001000;
    r.guest_ns = 1500;
    r.code[0] = 0x9D;
    r.code[1] = 0xC3;
    r.code_bytes = 2;
    r.burst = 3;
    r.before.eip = 0xC0001000;
    r.after = r.before;
    r.after.eip = 0xC0001001;
    r.after.eflags = 0x202;
    r.before.eflags = 0x002;
    return r;
}

}  // namespace

TEST_CASE("A trace begins with a header and ends with an end") {
    const test::TemporaryFolder folder;
    RunConfig config;
    config.trace_file = folder.path("trace");
    config.kernel = "some\xFFkernel";
    config.arguments = {"some kernel", "-m", "64"};
    config.engine = Engine::ptrace;
    config.log_items = {"insn", "gate"};
    { TraceWriter writer(config); }
    const auto lines = lines_of(config.trace_file);
    REQUIRE(lines.size() == 2);
    CHECK(lines[0]["format"] == "ringpress-trace");
    CHECK(lines[0]["version"] == 1);
    CHECK(lines[0]["engine"] == "ptrace");
    CHECK(lines[0]["sensitive"] == "inline");
    CHECK(lines[0]["arguments"] == config.arguments);
    CHECK(lines[0]["items"] == config.log_items);
    CHECK(lines[1] == json{{"end", "run"}, {"traps", 0}, {"lost", 0}});
}

TEST_CASE("A trap is told with its instruction, what was done, and what changed") {
    const test::TemporaryFolder folder;
    RunConfig config;
    config.trace_file = folder.path("trace");
    {
        TraceWriter writer(config);
        writer.put(popf());
        writer.name_with(SymbolTable({{0xC0000FFC, 8, "restore_\"flags\""}}));
        writer.put(popf());
        TraceRecord elsewhere = popf();
        elsewhere.linear = elsewhere.trap.eip = 0xC0002000;
        elsewhere.flags = TraceRecord::kCode16;
        writer.put(elsewhere);
    }
    const auto lines = lines_of(config.trace_file);
    REQUIRE(lines.size() == 5);
    CHECK_FALSE(lines[1].contains("symbol"));
    const json& trap = lines[2];
    CHECK(trap["n"] == 1);
    CHECK(trap["t"] == 1500);
    CHECK(trap["cause"] == "patched");
    CHECK(trap["vector"] == 3);
    CHECK_FALSE(trap.contains("error"));
    CHECK(trap["insn"] == "popf");
    CHECK(trap["bytes"] == "9d");
    CHECK(trap["text"] == "popfd");
    CHECK(trap["eip"] == "0xc0001000");
    CHECK(trap["symbol"] == "restore_\"flags\"+0x4");
    CHECK(trap["cpl"] == 0);
    CHECK(trap["handled"] == "emulated");
    CHECK(trap["burst"] == 3);
    REQUIRE(lines[0]["state"].size() == 20);
    CHECK(lines[0]["state"][9] == "eflags");
    CHECK(trap["state"] ==
          "00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 c0001000 00000002 "
          "0000 0000 0000 0000 0000 0000 00000000 00000000 00000000 00000000");
    CHECK(trap["changed"] == json{{"eip", {"0xc0001000", "0xc0001001"}},
                                  {"eflags", {"0x00000002", "0x00000202"}},
                                  {"if", {0, 1}}});
    CHECK(lines[3]["n"] == 2);
    CHECK(lines[3]["text"] == "popf");
    CHECK_FALSE(lines[3].contains("symbol"));
}

TEST_CASE("Exceptions and interrupts are told by their vectors") {
    const test::TemporaryFolder folder;
    RunConfig config;
    config.trace_file = folder.path("trace");
    {
        TraceWriter writer(config);
        TraceRecord r = popf();
        r.trap.cause = static_cast<std::uint8_t>(TrapCause::true_fault);
        r.trap.insn = 0;
        r.trap.vector = r.reflected = static_cast<std::uint8_t>(Vector::PF);
        r.trap.error = 6;
        r.trap.address = 0xBFFF0000;
        writer.put(r);
        r = popf();
        r.trap.cause = static_cast<std::uint8_t>(TrapCause::interrupt);
        r.trap.insn = 0;
        r.injected = 32;
        writer.put(r);
    }
    const auto lines = lines_of(config.trace_file);
    REQUIRE(lines.size() == 4);
    CHECK(lines[1]["handled"] == "reflected");
    CHECK(lines[1]["reflected"] == 14);
    CHECK(lines[1]["error"] == 6);
    CHECK(lines[1]["address"] == "0xbfff0000");
    CHECK_FALSE(lines[1].contains("insn"));
    CHECK(lines[2]["handled"] == "injected");
    CHECK(lines[2]["injected"] == 32);
    CHECK_FALSE(lines[2].contains("vector"));
}

TEST_CASE("A trace stays below its size, and says that it is full") {
    const test::TemporaryFolder folder;
    RunConfig config;
    config.trace_file = folder.path("trace");
    config.trace_bytes = 4096;
    test::TracedArena arena;
    TrapStream stream(config);
    stream.begin(*arena, {});
    for (int i = 0; i < 100; ++i) arena.add(TrapCause::patched, 0x1000);
    stream.handle({});
    CHECK(arena->traced_causes == 0);  // the core need not go on
    stream.finish();
    CHECK_THAT(stream.complaint(), Contains("reached its size"));
    const std::string text = test::content_of(config.trace_file);
    CHECK(text.size() <= 4096);
    CHECK(text.size() > 3000);
    const auto lines = lines_of(config.trace_file);
    CHECK(lines.back()["end"] == "size");
    CHECK(lines.back()["traps"] == lines.size() - 2);
}

TEST_CASE("Traps that were lost are a gap, and a reset is told") {
    const test::TemporaryFolder folder;
    RunConfig config;
    config.trace_file = folder.path("trace");
    {
        TrapStream stream(config);
        for (int life = 0; life < 2; ++life) {
            test::TracedArena arena;
            stream.begin(*arena, {});
            arena.add(TrapCause::patched, 0x1000);
            stream.handle({});
            for (unsigned i = 0; life && i < kTraceRingSize + 1; ++i) arena.add(TrapCause::patched, 0x1000);
            stream.finish();
        }
        CHECK_THAT(stream.complaint(), Contains("lacks 2 of"));
    }
    const auto lines = lines_of(config.trace_file);
    CHECK(lines[1]["n"] == 0);
    CHECK(lines[2]["restart"] == 1);
    CHECK(lines[3]["n"] == 1);
    CHECK(lines[4]["gap"] == 2);
    CHECK(lines[5]["n"] == 4);
    CHECK(lines.back()["lost"] == 2);
    CHECK(lines.back()["traps"] == kTraceRingSize + 1);
}

TEST_CASE("A trace that cannot be written is an error, or ends early with a word about it") {
    RunConfig config;
    config.trace_file = "/nonexistent/trace";
    CHECK_THROWS_WITH(TraceWriter(config), Contains("cannot write the trace"));
    config.trace_file = "/dev/full";
    CHECK_THROWS_WITH(TraceWriter(config), Contains("No space left"));
}
