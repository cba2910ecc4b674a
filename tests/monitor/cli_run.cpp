#include "monitor/cli_run.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <stdexcept>

#include "monitor/cli_arguments.hpp"

using namespace ringpress;
using Catch::Matchers::Contains;

namespace {

constexpr std::uint64_t kHost = 8ull << 30;
RunConfig parse(const std::vector<std::string>& arguments) {
    return parse_run(arguments, kHost).config;
}

}  // namespace

TEST_CASE("Every option is accepted with one dash and with two, with a blank and with an equals sign") {
    const std::vector<std::vector<std::string>> spellings = {
        {"-kernel", "k", "-m", "32", "-append", "a b", "-no-reboot"},
        {"--kernel", "k", "--m", "32", "--append", "a b", "--no-reboot"},
        {"--kernel=k", "-m=32", "--append=a b", "-no-reboot"},
        {"k", "-m", "32", "-append", "a b", "-no-reboot"},
    };
    for (const auto& arguments : spellings) {
        const RunConfig c = parse(arguments);
        CHECK(c.kernel == "k");
        CHECK(c.ram_bytes == 32u << 20);
        CHECK(c.append == "a b");
        CHECK(c.no_reboot);
    }
}

TEST_CASE("The value of an option may begin with a dash, or be empty") {
    CHECK(parse({"-kernel", "k", "-append", "-v -kernel x"}).append == "-v -kernel x");
    CHECK(parse({"-kernel", "k", "-append", "--help"}).append == "--help");
    CHECK(parse({"-append", "", "k"}).append.empty());
    CHECK(parse({"-append", "[a,b]", "k"}).append == "[a,b]");
    CHECK(parse({"-append", "\"quoted\" 'text' = %s", "k"}).append == "\"quoted\" 'text' = %s");
}

TEST_CASE("What is not said has QEMU's defaults") {
    const RunConfig c = parse({"k"});
    CHECK(c.ram_bytes == 128u << 20);
    CHECK(c.serial == "stdio");
    CHECK(c.debugcon == "none");
    CHECK(c.display == Display::none);
    CHECK(c.board == Board::pc);
    CHECK(c.engine == Engine::seccomp);
    CHECK(c.sensitive == Sensitive::inline_);
    CHECK(c.user_code == UserCode::view);
    CHECK(c.stats == RunConfig::Stats::none);
    CHECK(c.time_limit == 0);
    CHECK_FALSE(c.debug_exit);
}

TEST_CASE("Every choice reaches the configuration") {
    CHECK(parse({"k", "-M", "isapc"}).board == Board::isapc);
    CHECK(parse({"k", "-machine", "isapc"}).board == Board::isapc);
    CHECK(parse({"k", "--engine", "ptrace"}).engine == Engine::ptrace);
    CHECK(parse({"k", "--sensitive", "ignore"}).sensitive == Sensitive::ignore);
    CHECK(parse({"k", "--sensitive=trap"}).sensitive == Sensitive::trap);
    CHECK(parse({"k", "--user-code", "direct"}).user_code == UserCode::direct);
    CHECK(parse({"k", "-name", "vm1"}).name == "vm1");
    CHECK(parse({"k", "-time-limit", "2"}).time_limit == 2);
    CHECK(parse({"k", "-smp", "1"}).kernel == "k");
    CHECK(parse({"k", "-d", "int,trap", "-D", "log"}).log_items == std::vector<std::string>{"int", "trap"});
    CHECK(parse({"k", "-initrd", "a 1,b 2"}).initrds == std::vector<std::string>{"a 1", "b 2"});
    CHECK(parse({"k", "--low-memory-floor", "65536"}).low_memory_floor == 65536);
    CHECK(parse({"k", "-hda", "x", "-snapshot"}).drives.at(0).snapshot);
    CHECK(parse({"k", "-drive", "file=a", "-drive", "file=b"}).drives.size() == 2);
    CHECK(parse({"k", "-m", "1", "-m", "2"}).ram_bytes == 2u << 20);
}

TEST_CASE("--stats takes json only if that follows") {
    CHECK(parse({"--stats", "k"}).stats == RunConfig::Stats::text);
    CHECK(parse({"--stats", "k"}).kernel == "k");
    CHECK(parse({"k", "--stats"}).stats == RunConfig::Stats::text);
    CHECK(parse({"k", "--stats", "json"}).stats == RunConfig::Stats::json);
    CHECK(parse({"k", "--stats=json"}).stats == RunConfig::Stats::json);
    CHECK_THROWS_WITH(parse({"k", "--stats=xml"}), Contains("choose text or json"));
}

TEST_CASE("The text display takes the terminal from the serial port") {
    CHECK(parse({"k", "-display", "text"}).serial == "none");
    CHECK(parse({"k", "-display", "text", "-serial", "file:x"}).serial == "file:x");
    CHECK_THROWS_WITH(parse({"k", "-display", "text", "-serial", "stdio"}), Contains("for itself"));
    CHECK_THROWS_WITH(parse({"k", "-display", "text", "-debugcon", "stdio"}), Contains("for itself"));
    CHECK_THROWS_WITH(parse({"k", "-display", "text", "-nographic"}), Contains("contradict"));
    CHECK_THROWS_WITH(parse({"k", "-display", "text", "-d", "int"}), Contains("-D"));
    CHECK_THROWS_WITH(parse({"k", "-display", "gtk"}), Contains("choose none or text"));
}

TEST_CASE("A wrong command line is told in one line that says what to do") {
    struct Wrong {
        std::vector<std::string> arguments;
        const char* said;
    };
    const std::vector<Wrong> table = {
        {{}, "no kernel"},
        {{"-kernel"}, "-kernel needs a value"},
        {{"-kernel", ""}, "no kernel"},
        {{"k", "-kernel", "j"}, "two kernels"},
        {{"k", "j"}, "more than one kernel"},
        {{"k", "-kernal", "x"}, "did you mean -kernel?"},
        {{"k", "--kernal=x"}, "did you mean --kernel?"},
        {{"k", "-enable-kvm"}, "unknown option -enable-kvm"},
        {{"k", "-cpu", "host"}, "unknown option -cpu"},
        {{"k", "-no-reboot=1"}, "takes no value"},
        {{"k", "-smp", "2"}, "one processor"},
        {{"k", "-serial", "stdio", "-serial", "none"}, "one serial port"},
        {{"k", "-name", "a/b"}, "cannot name a virtual machine"},
        {{"k", "-engine", "kvm"}, "choose seccomp or ptrace"},
        {{"k", "-sensitive", "all"}, "choose ignore or trap or inline"},
        {{"k", "-low-memory-floor", "4294967295"}, "--low-memory-floor"},
    };
    for (const Wrong& wrong : table) {
        INFO("expected: " << wrong.said);
        try {
            parse(wrong.arguments);
            FAIL("was accepted");
        } catch (const std::runtime_error& error) {
            CHECK_THAT(error.what(), Contains(wrong.said));
            CHECK(std::string(error.what()).find('\n') == std::string::npos);
        }
    }
}

TEST_CASE("Help lists options as QEMU's users write them, and leaves test aids out") {
    const RunRequest request = parse_run({"-h"}, kHost);
    REQUIRE(request.what == RunRequest::What::show_help);
    CHECK_THAT(request.help, Contains("-kernel FILE") && Contains("-M, -machine") && Contains("-time-limit"));
    CHECK_THAT(request.help, !Contains("low-memory-floor"));
    CHECK_THAT(parse_run({"k", "-d", "help"}, kHost).help, Contains("  trap "));
    CHECK_THAT(parse_run({"k", "--tune", "help"}, kHost).help, Contains("  gate-burst "));
}

TEST_CASE("The nearest word is found across one slip, and none across many") {
    const std::vector<std::string> words = {"kernel", "initrd", "append", "m", "d"};
    CHECK(nearest("kernle", words) == "kernel");
    CHECK(nearest("inird", words) == "initrd");
    CHECK(nearest("apend", words) == "append");
    CHECK(nearest("zzzzzz", words).empty());
    CHECK(nearest("x", words).empty());
}

TEST_CASE("No sequence of arguments does anything but parse or throw one line") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const std::vector<std::string> words = {
        "-kernel", "--m",   "-d",      "--stats", "json", "k",    "=",        "-",
        "--",      "",      "-=",      "--=x",    "64",   "-m=",  "-drive",   "file=x",
        "-help",   "-hda",  "-append", "--help",  "\n",   "-smp", "-device",  "-serial",
        "stdio",   "-name", ",,,",     "index=",  "-M",   "[x]",  "--stats=", "{}"};
    for (int i = 0; i < 2000; ++i) {
        std::vector<std::string> arguments(random() % 6);
        for (auto& a : arguments) a = words[random() % words.size()];
        try {
            parse_run(arguments, kHost);
        } catch (const std::runtime_error&) {
        }
    }
}
