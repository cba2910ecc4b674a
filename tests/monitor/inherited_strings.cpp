#include "monitor/inherited_strings.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

using namespace ringpress;

namespace {

std::string content(const char* path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

bool blank(const std::string& bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
}

/// 0, or the number of what is still there.
int what_is_left_after_wiping() {
    setenv("RINGPRESS_TEST_SECRET", "on the heap", 1);
    const char* const added = getenv("RINGPRESS_TEST_SECRET");
    if (content("/proc/self/environ").empty() || blank(content("/proc/self/cmdline"))) return 1;
    wipe_inherited_strings();
    if (!blank(content("/proc/self/environ"))) return 2;
    if (!blank(content("/proc/self/cmdline"))) return 3;
    if (*added) return 4;
    if (getenv("RINGPRESS_TEST_SECRET") || getenv("PATH")) return 5;
    return 0;
}

}  // namespace

TEST_CASE(
    "A process forgets the command line and environment that it was started with, its parent does not") {
    const std::string before = content("/proc/self/cmdline");
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) _exit(what_is_left_after_wiping());
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(content("/proc/self/cmdline") == before);
}
