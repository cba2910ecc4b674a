#include "monitor/trace/trace_file.hpp"

#include <x86intrin.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <random>

#include "monitor/trace/trap_causes.hpp"
#include "sample_trace.hpp"

using namespace ringpress;
using Catch::Matchers::Contains;

namespace {

std::string file_with(const test::TemporaryFolder& folder, const std::string& text) {
    return folder.file("some-trace", text);
}
const std::string kHeader = "{\"format\":\"ringpress-trace\",\"version\":1,\"kernel\":\"k\"}\n";

}  // namespace

TEST_CASE("What the writer wrote, the reader reads") {
    const test::TemporaryFolder folder;
    const std::uint64_t seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    std::vector<TraceRecord> written;
    const std::string path = test::sample_trace(folder, [&](TraceWriter& writer) {
        const std::uint64_t start = __rdtsc();
        for (unsigned i = 0; i < 500; ++i) {
            TraceRecord r =
                test::trap_record(static_cast<TrapCause>(random() % kTrapCauses),
                                  static_cast<InsnId>(random() % static_cast<unsigned>(InsnId::count_)),
                                  static_cast<std::uint32_t>(random()), start + i * 5000,
                                  static_cast<std::uint32_t>(random() % 5000));
            r.guest_ns = random() >> 8;
            r.trap.vector = static_cast<std::uint8_t>(random() % 32);
            r.trap.error = static_cast<std::uint32_t>(random());
            r.trap.address = static_cast<std::uint32_t>(random());
            r.trap.cpl = random() % 4;
            r.burst = random() % 3;
            r.mapped = random() % 3;
            r.proven = random() % 3;
            r.gates_made = random() % 2;
            r.reflected = random() % 2 ? TraceRecord::kNoVector : static_cast<std::uint8_t>(random() % 32);
            r.injected = random() % 2 ? TraceRecord::kNoVector : static_cast<std::uint8_t>(random() % 255);
            for (TracedState* s : {&r.before, &r.after}) {
                for (auto& reg : s->gpr) reg = random() % 2 ? 0 : static_cast<std::uint32_t>(random());
                for (auto& selector : s->selector)
                    selector = random() % 2 ? 0x10 : static_cast<std::uint16_t>(random());
                s->eflags = static_cast<std::uint32_t>(random()) & 0x202u;
                s->cr3 = static_cast<std::uint32_t>(random());
            }
            written.push_back(r);
            writer.put(r);
        }
    });
    const TraceFile trace = read_trace(path);
    CHECK(trace.complete);
    CHECK_FALSE(trace.full);
    CHECK(trace.kernel == "folder/kernel");
    REQUIRE(trace.events.size() == written.size());
    for (std::size_t i = 0; i < written.size(); ++i) {
        const TraceEvent& e = trace.events[i];
        const TraceRecord& r = written[i];
        REQUIRE(e.number == i);
        REQUIRE(e.guest_ns == r.guest_ns);
        REQUIRE(e.cause == r.trap.cause);
        REQUIRE(e.cpl == r.trap.cpl);
        REQUIRE(trace.place(e).eip == r.trap.eip);
        const auto cause = static_cast<TrapCause>(r.trap.cause);
        const bool has_vector = cause != TrapCause::gate && cause != TrapCause::interrupt;
        REQUIRE(e.vector == (has_vector ? r.trap.vector : TraceEvent::kNone));
        if (e.vector == 14) {
            REQUIRE(e.error == r.trap.error);
            REQUIRE(e.address == r.trap.address);
        }
        REQUIRE(e.burst == r.burst);
        REQUIRE(e.mapped == r.mapped);
        REQUIRE(e.proven == r.proven);
        REQUIRE(e.gates_made == r.gates_made);
        REQUIRE(e.reflected == r.reflected);
        REQUIRE(e.injected == r.injected);
        for (std::size_t f = 0; f < kStoredFields; ++f) REQUIRE(e.state[f] == kStateFields[f].of(r.before));
        // The state before and the changes make the state after.
        auto after = e.state;
        for (unsigned c = 0; c < e.changes; ++c) {
            const TraceChange& change = trace.changes[e.first_change + c];
            REQUIRE(change.before == kStateFields[change.field].of(r.before));
            REQUIRE(change.before != change.after);
            if (change.field < kStoredFields) after[change.field] = change.after;
        }
        for (std::size_t f = 0; f < kStoredFields; ++f) REQUIRE(after[f] == kStateFields[f].of(r.after));
    }
}

TEST_CASE("A trace that was cut off anywhere is read up to the cut") {
    const test::TemporaryFolder folder;
    const std::string path = test::sample_trace(folder, [](TraceWriter& writer) {
        for (int i = 0; i < 5; ++i) writer.put(test::trap_record(TrapCause::patched, InsnId::cli, 0x1000));
    });
    const std::string whole = test::content_of(path);
    const std::size_t header = whole.find('\n') + 1;
    std::size_t before = 0;
    for (std::size_t size = header; size < whole.size(); ++size) {
        const TraceFile trace = read_trace(file_with(folder, whole.substr(0, size)));
        REQUIRE(trace.complete == (size == whole.size() - 1));  // nothing but the last line end is missing
        REQUIRE(trace.events.size() >= before);
        before = trace.events.size();
    }
    CHECK(before == 5);
    CHECK(read_trace(path).complete);
}

TEST_CASE("What is no trace is refused in one line") {
    const test::TemporaryFolder folder;
    CHECK_THROWS_WITH(read_trace(folder.path("missing")),
                      Contains("cannot read") && Contains("No such file"));
    CHECK_THROWS_WITH(read_trace("/"), Contains("cannot read"));
    CHECK_THROWS_WITH(read_trace(file_with(folder, "")), Contains("empty"));
    for (const std::string& text :
         {std::string("hello\n"), std::string(5000, '\0'), std::string("{}\n"), std::string("[1]\n"),
          std::string("{\"for"),
          std::string("\x7f"
                      "ELF\n"),
          std::string("{\"format\":7}\n"), std::string("{\"format\":\"perf\",\"version\":1}\n")}) {
        CHECK_THROWS_WITH(read_trace(file_with(folder, text)), Contains("is no trace of ringpress"));
    }
    CHECK_THROWS_WITH(read_trace(file_with(folder, "{\"format\":\"ringpress-trace\",\"version\":2}\n")),
                      Contains("version 2") && Contains("reads version 1"));
    CHECK_THROWS_WITH(read_trace(file_with(folder, std::string(3 << 20, 'x'))),
                      Contains("longer than any line"));
}

TEST_CASE("A line that no trace has is told by its number") {
    const test::TemporaryFolder folder;
    const std::string good = "{\"n\":1,\"host\":5,\"cause\":\"patched\",\"eip\":\"0x1000\"}\n";
    CHECK(read_trace(file_with(folder, kHeader + good + good)).events.size() == 2);
    for (const char* bad :
         {"nonsense", "[]", "{\"n\":-1,\"cause\":\"patched\"}", "{\"n\":1}", "{\"n\":1,\"cause\":\"magic\"}",
          "{\"n\":1,\"cause\":\"patched\",\"cpl\":4}",
          "{\"n\":1,\"cause\":\"patched\",\"eip\":\"0x123456789\"}",
          "{\"n\":1,\"cause\":\"patched\",\"eip\":\"12\"}", "{\"n\":1,\"cause\":\"patched\",\"vector\":256}",
          "{\"n\":1,\"cause\":\"patched\",\"host\":4}", "{\"n\":1,\"cause\":\"patched\",\"state\":\"1 2 3\"}",
          "{\"n\":1,\"cause\":\"patched\",\"host\":9,\"changed\":{\"eax\":[1]}}",
          "{\"n\":1,\"cause\":\"patched\",\"host\":9,\"changed\":7}", "{\"gap\":\"many\"}", "{\"cause\":"}) {
        INFO(bad);
        CHECK_THROWS_WITH(read_trace(file_with(folder, kHeader + good + bad + "\n" + good)),
                          Contains("is damaged: line 3"));
    }
}

TEST_CASE("Lines and keys of a later ringpress are passed over") {
    const test::TemporaryFolder folder;
    const TraceFile trace =
        read_trace(file_with(folder, kHeader + "{\"note\":\"later\"}\n" +
                                         "{\"n\":1,\"cause\":\"patched\",\"later\":[1,{}],\"changed\":{"
                                         "\"cr8\":[1,2],\"eax\":[\"0x1\",2]}}\n"));
    REQUIRE(trace.events.size() == 1);
    REQUIRE(trace.events[0].changes == 1);
    CHECK(trace.changes[0].after == 2);
}

TEST_CASE("Random bytes in a trace never do more than have it refused") {
    const test::TemporaryFolder folder;
    const std::string path = test::sample_trace(folder, [](TraceWriter& writer) {
        for (int i = 0; i < 3; ++i) writer.put(test::trap_record(TrapCause::patched, InsnId::cli, 0x1000));
        writer.gap(2);
    });
    const std::string whole = test::content_of(path);
    const std::uint64_t seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    unsigned refused = 0;
    for (int round = 0; round < 2000; ++round) {
        std::string text = whole;
        for (std::uint64_t n = random() % 4 + 1; n; --n)
            text[random() % text.size()] =
                static_cast<char>(random() % 4 ? "0\"{}[],:x\n"[random() % 10] : random());
        try {
            read_trace(file_with(folder, text));
        } catch (const std::runtime_error& error) {
            ++refused;
            const std::string line = error.what();
            REQUIRE(std::count(line.begin(), line.end(), '\n') == 0);
        }
    }
    CHECK(refused > 100);
}
