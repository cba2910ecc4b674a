#include "monitor/trace/trace_convert.hpp"

#include <x86intrin.h>

#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "chrome_rules.hpp"
#include "monitor/trace/trace_summary.hpp"
#include "monitor/tsc_frequency.hpp"
#include "sample_trace.hpp"

using namespace ringpress;
using Catch::Matchers::Contains;
using nlohmann::json;

namespace {

std::string converted(const test::TemporaryFolder& folder, const TraceFile& trace,
                      void (*write)(const TraceFile&, OutputFile&)) {
    OutputFile out(folder.path("out"));
    write(trace, out);
    out.finish();
    return test::content_of(folder.path("out"));
}

/// Two cli in one function, a page fault in another, a halt and its end; a gap; 100 us from one to the next.
TraceFile sample(const test::TemporaryFolder& folder) {
    return read_trace(test::sample_trace(folder, [](TraceWriter& writer) {
        writer.name_with(SymbolTable({{0x1000, 0x100, "irq;off"}, {0x2000, 0x100, "copy page"}}));
        const std::uint64_t ten_us = tsc_frequency() / 100'000, start = __rdtsc();
        const auto at = [&](unsigned n) { return start + n * 10 * ten_us; };
        const auto ticks = static_cast<std::uint32_t>(ten_us);
        writer.put(test::trap_record(TrapCause::patched, InsnId::cli, 0x1000, at(0), ticks));
        writer.put(test::trap_record(TrapCause::patched, InsnId::cli, 0x1010, at(1), 3 * ticks));
        TraceRecord fault =
            test::trap_record(TrapCause::hidden_fault, InsnId::undefined, 0x2008, at(2), 2 * ticks);
        const std::uint8_t movs[] = {0xF3, 0xA5};
        std::copy_n(movs, 2, fault.code);
        fault.code_bytes = 2;
        writer.put(fault);
        writer.gap(7);
        TraceRecord halt = test::trap_record(TrapCause::patched, InsnId::hlt, 0x3000, at(3), ticks);
        halt.after.activity = static_cast<std::uint8_t>(Activity::halted);
        writer.put(halt);
        TraceRecord wake = test::trap_record(TrapCause::interrupt, InsnId::undefined, 0x3001, at(5), ticks);
        wake.before.activity = static_cast<std::uint8_t>(Activity::halted);
        wake.injected = 32;
        writer.put(wake);
    }));
}

}  // namespace

TEST_CASE("Chrome events are JSON, strictly nested on each track, with the halts between the traps") {
    const test::TemporaryFolder folder;
    const json all = json::parse(converted(folder, sample(folder), write_chrome));
    std::map<int, double> end;
    std::map<std::string, int> names;
    unsigned counters = 0, traps = 0, instants = 0;
    for (const json& e : all["traceEvents"]) {
        if (e["ph"] == "C") ++counters;
        if (e["ph"] == "i") ++instants;
        if (e["ph"] != "X") continue;
        ++traps;
        ++names[e["name"]];
        const double begin = e["ts"], length = e["dur"];
        CHECK(length >= 0);
        CHECK(begin >= end[e["tid"]] - 1e-6);
        end[e["tid"]] = begin + length;
        if (e["name"] == "halted") {
            CHECK(e["tid"] == 2);
            CHECK(length == Approx(190).epsilon(0.01));
        }
    }
    CHECK(traps == 6);
    CHECK(names["cli"] == 2);
    CHECK(names["rep movsd"] == 1);
    CHECK(names["halted"] == 1);
    CHECK(counters == 1);
    CHECK(instants == 1);
    CHECK(all["traceEvents"][0]["args"]["name"] == "ringpress: folder/kernel");
    CHECK(all["otherData"]["format"] == "ringpress-trace");
}

TEST_CASE("Whatever was traced, Chrome events keep the rules of their format") {
    const test::TemporaryFolder folder;
    CHECK(test::ChromeRules::broken_by(converted(folder, sample(folder), write_chrome)).empty());
    const unsigned seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 20; ++round) {
        const TraceFile trace = read_trace(test::sample_trace(folder, [&](TraceWriter& writer) {
            writer.name_with(
                SymbolTable({{0x1000, 0x100, "quoted \" and \\ and \n"}, {0x2000, 0, "\xC3\xA9"}}));
            std::uint64_t tsc = __rdtsc();
            bool halted = false;
            for (int i = 0; i < 300; ++i) {
                if (random() % 50 == 0) writer.gap(1 + random() % 1000);
                if (random() % 80 == 0) writer.machine_starts();
                tsc += random() % 4 ? random() % 20'000 : random() % 100'000'000;
                TraceRecord r =
                    test::trap_record(static_cast<TrapCause>(random() % kTrapCauses),
                                      static_cast<InsnId>(random() % static_cast<unsigned>(InsnId::count_)),
                                      static_cast<std::uint32_t>(random() % 0x3000), tsc, random() % 30'000);
                r.trap.cpl = r.before.cpl = random() % 2 ? 3 : 0;
                r.before.activity = static_cast<std::uint8_t>(halted ? Activity::halted : Activity::running);
                halted = random() % 5 == 0;
                r.after.activity = static_cast<std::uint8_t>(halted ? Activity::halted : Activity::running);
                r.after.cpl = random() % 2 ? 3 : 0;
                r.after.eflags = static_cast<std::uint32_t>(random());
                r.reflected = r.injected = static_cast<std::uint8_t>(random());
                writer.put(r);
            }
        }));
        const auto broken = test::ChromeRules::broken_by(converted(folder, trace, write_chrome));
        if (!broken.empty()) FAIL(broken.front());
    }
}

TEST_CASE(
    "Folded stacks add up what one function's traps cost, and blanks and semicolons do not split frames") {
    const test::TemporaryFolder folder;
    std::istringstream lines(converted(folder, sample(folder), write_folded));
    std::map<std::string, double> stacks;
    std::string stack;
    for (double ns; lines >> stack >> ns;) stacks[stack] = ns;
    CHECK(stacks.size() == 4);
    CHECK(stacks["patched;cli;irq:off"] == Approx(40'000).epsilon(0.01));
    CHECK(stacks["hidden_fault;rep_movsd;copy_page"] == Approx(20'000).epsilon(0.01));
    CHECK(stacks["patched;hlt;00003000"] == Approx(10'000).epsilon(0.01));
}

TEST_CASE("As text a trace is a line for every trap, and for every gap") {
    const test::TemporaryFolder folder;
    const std::string text = converted(folder, sample(folder), write_text);
    CHECK(std::count(text.begin(), text.end(), '\n') == 6);
    CHECK_THAT(text, Contains("<irq;off+0x10>") && Contains("eip 1010->1011") && Contains("(7 traps lost)"));
    CHECK_THAT(text, Contains("injected 32"));
}

TEST_CASE("A summary counts and adds up by cause, instruction and site, the costliest first") {
    const test::TemporaryFolder folder;
    const TraceSummary s = summarise(sample(folder));
    CHECK(s.count == 5);
    CHECK(s.lost == 7);
    REQUIRE(s.causes.size() == 3);
    CHECK(s.causes[0].what == "patched");
    CHECK(s.causes[0].count == 3);
    CHECK(s.causes[0].total_ns == Approx(50'000).epsilon(0.01));
    CHECK(s.causes[0].median_ns == Approx(10'000).epsilon(0.01));
    CHECK(s.causes[0].most_ns == Approx(30'000).epsilon(0.01));
    CHECK(s.instructions[0].what == "cli");
    CHECK(s.sites[0].what == "irq;off+0x10");
    CHECK_THAT(summary_text(s, 1),
               Contains("5 traps") && Contains("7 traps more are missing") && Contains("(4 more)"));
    const json j = json::parse(summary_json(s, 1));
    CHECK(j["traps"] == 5);
    CHECK(j["sites"].size() == 1);
    CHECK(j["complete"] == true);
}

TEST_CASE("An empty trace converts to nothing, and its summary says so") {
    const test::TemporaryFolder folder;
    const TraceFile trace = read_trace(test::sample_trace(folder, [](TraceWriter&) {}));
    CHECK(json::parse(converted(folder, trace, write_chrome))["traceEvents"].size() == 3);
    CHECK(converted(folder, trace, write_folded).empty());
    CHECK(converted(folder, trace, write_text).empty());
    CHECK_THAT(summary_text(summarise(trace), 20), Contains("no traps"));
}

TEST_CASE("Output that cannot be written is an error") {
    CHECK_THROWS_WITH(OutputFile("/nonexistent/out"), Contains("cannot write"));
    OutputFile full("/dev/full");
    full.put("some text");
    CHECK_THROWS_WITH(full.finish(), Contains("No space left"));
}
