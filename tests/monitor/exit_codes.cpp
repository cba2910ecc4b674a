#include "monitor/exit_codes.hpp"

#include <catch2/catch.hpp>
#include <set>

#include "host_files.hpp"

using namespace ringpress;
using Catch::Matchers::Contains;

TEST_CASE("Exit codes are what scripts rely on, and none looks like a value of isa-debug-exit") {
    CHECK(exit_status(ExitCode::ended) == 0);
    CHECK(exit_status(ExitCode::host_error) == 2);
    CHECK(exit_status(ExitCode::guest_died) == 4);
    CHECK(exit_status(ExitCode::fence) == 6);
    CHECK(exit_status(ExitCode::monitor_bug) == 70);
    CHECK(exit_status(ExitCode::time_limit) == 124);
    // isa-debug-exit gives odd ones: no code of ours may be mistaken for a guest's.
    std::set<int> seen;
    for (const auto& line : exit_codes()) {
        CHECK(exit_status(line.code) % 2 == 0);
        CHECK(seen.insert(exit_status(line.code)).second);
    }
}

TEST_CASE("Every exit code is explained in the help and in the documentation") {
    const std::string documentation = test::content_of(DOCUMENTED_EXIT_CODES);
    for (const auto& line : exit_codes()) {
        const std::string number = std::to_string(exit_status(line.code));
        CHECK_THAT(exit_codes_text(), Contains(number + "  " + std::string(line.meaning)));
        CHECK_THAT(documentation, Contains("| " + number + " |") && Contains(std::string(line.meaning)));
    }
}
