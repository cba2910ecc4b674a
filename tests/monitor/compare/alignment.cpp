#include "monitor/compare/alignment.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <random>
#include <stdexcept>
#include <thread>

using namespace ringpress;

namespace {

GuestOutput output(const std::vector<std::string>& lines, RunEnd end = RunEnd::exited, double seconds = 1) {
    GuestOutput o;
    for (const std::string& line : lines) o.lines.push_back({line, seconds});
    o.end = end;
    o.seconds = seconds;
    return o;
}

std::optional<std::size_t> parting(const GuestOutput& a, const GuestOutput& b,
                                   const std::set<int>& unstable = {}) {
    return first_divergence(align(a.lines, b.lines), a, b, unstable);
}

}  // namespace

TEST_CASE("Lines are compared without what terminals and clocks add") {
    CHECK(plain_line("plain\r") == "plain");
    CHECK(plain_line("\033[1;31mred\033[0m  ") == "red");
    CHECK(plain_line("[    0.123456] Linux version") == "Linux version");
    CHECK(plain_line("[heading] kept") == "[heading] kept");
    CHECK(masked_line("eip c0100abc, 12 times") == "eip #, # times");
    CHECK(masked_line("deadbeef face") == "deadbeef face");  // words, as far as one can tell
}

TEST_CASE("An aligned output can be put together again from its pairs") {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 200; ++round) {
        std::vector<std::string> a, b;
        for (unsigned i = random() % 12; i-- > 0;)
            a.push_back(std::string(1, static_cast<char>('a' + random() % 4)));
        for (unsigned i = random() % 12; i-- > 0;)
            b.push_back(std::string(1, static_cast<char>('a' + random() % 4)));
        const GuestOutput left = output(a), right = output(b);
        int next_left = 0, next_right = 0;
        for (const LinePair& p : align(left.lines, right.lines)) {
            if (p.reference >= 0) CHECK(p.reference == next_left++);
            if (p.other >= 0) CHECK(p.other == next_right++);
            if (p.match == LineMatch::same)
                CHECK(a[static_cast<std::size_t>(p.reference)] == b[static_cast<std::size_t>(p.other)]);
        }
        CHECK(next_left == static_cast<int>(a.size()));
        CHECK(next_right == static_cast<int>(b.size()));
        CHECK(parting(left, right).has_value() == (a != b));
    }
}

TEST_CASE("Numbers that two right runs do not agree about do not count, others do") {
    const GuestOutput right = output({"start", "took 12 us", "cs 0008"});
    const std::set<int> unstable =
        unstable_lines(align(right.lines, output({"start", "took 15 us", "cs 0008"}).lines));
    CHECK(unstable == std::set<int>{1});
    CHECK_FALSE(parting(right, output({"start", "took 99 us", "cs 0008"}), unstable));
    CHECK(parting(right, output({"start", "took 99 us", "cs 000f"}), unstable) == 2u);
}

TEST_CASE("A run that was cut off parts only if it had time enough") {
    GuestOutput right = output({"one", "two", "three"}, RunEnd::exited, 0.1);
    CHECK_FALSE(parting(right, output({"one", "two"}, RunEnd::time_limit, 0.2)));
    CHECK(parting(right, output({"one", "two"}, RunEnd::time_limit, 5)) == 2u);
    CHECK_FALSE(parting(right, output({"one", "tw"}, RunEnd::time_limit, 0.2)));
    CHECK_FALSE(parting(right, output({"one"}, RunEnd::stopped, 5)));
    CHECK(parting(right, output({"one", "two"})) == 2u);
    // The reference itself was cut off: what the other has beyond that says nothing.
    CHECK_FALSE(parting(output({"one", "two"}, RunEnd::time_limit), output({"one", "two", "three"})));
}

TEST_CASE("A child's lines come with their times, its end is told, and it can be stopped") {
    const GuestOutput plain = run_captured(
        [] {
            std::printf("one\ntwo\nthree");
            std::fprintf(stderr, "complaint\n");
            return 7;
        },
        10);
    REQUIRE(plain.lines.size() == 3);
    CHECK(plain.lines[2].text == "three");
    CHECK(plain.end == RunEnd::exited);
    CHECK(plain.status == 7);
    CHECK(plain.errors == "complaint\n");

    const auto endless = [] {
        for (;;) {
            std::printf("line\n");
            std::fflush(stdout);
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        return 0;
    };
    const GuestOutput late = run_captured(endless, 0.2);
    CHECK(late.end == RunEnd::time_limit);
    CHECK_FALSE(late.lines.empty());
    const GuestOutput stopped = run_captured(endless, 10, [](const auto& lines) { return lines.size() < 3; });
    CHECK(stopped.end == RunEnd::stopped);
    CHECK(stopped.seconds < 5);
    const GuestOutput failed = run_captured([]() -> int { throw std::runtime_error("no luck"); }, 10);
    CHECK(failed.status == 2);
    CHECK(failed.errors == "no luck\n");
}
