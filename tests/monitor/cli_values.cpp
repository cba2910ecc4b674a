#include "monitor/cli_values.hpp"

#include <catch2/catch.hpp>
#include <stdexcept>

using namespace ringpress;
using Catch::Matchers::Contains;

namespace {
constexpr std::uint64_t kHost = 8ull << 30;
}

TEST_CASE("A memory size is in MiB unless it has a unit") {
    CHECK(parse_memory_size("64", kHost) == 64u << 20);
    CHECK(parse_memory_size("64M", kHost) == 64u << 20);
    CHECK(parse_memory_size("64m", kHost) == 64u << 20);
    CHECK(parse_memory_size("65536K", kHost) == 64u << 20);
    CHECK(parse_memory_size("1G", kHost) == 1u << 30);
    CHECK(parse_memory_size("2G", kHost) == 2u << 30);
    CHECK(parse_memory_size("size=32M", kHost) == 32u << 20);
}

TEST_CASE("A memory size that is no size, nothing or too much is refused in words") {
    for (const char* text : {"", "M", "abc", "64X", "-5", "6 4", "0x40", "64MM", "1.5G"}) {
        INFO("size '" << text << "'");
        CHECK_THROWS_WITH(parse_memory_size(text, kHost), Contains("is not a size"));
    }
    CHECK_THROWS_WITH(parse_memory_size("0", kHost), Contains("at least 1M"));
    CHECK_THROWS_WITH(parse_memory_size("512K", kHost), Contains("at least 1M"));
    CHECK_THROWS_WITH(parse_memory_size("2049M", kHost), Contains("at most 2G"));
    CHECK_THROWS_WITH(parse_memory_size("99999999999999999999", kHost), Contains("at most 2G"));
    CHECK_THROWS_WITH(parse_memory_size("18446744073709551615T", kHost), Contains("at most 2G"));
    CHECK_THROWS_WITH(parse_memory_size("1025K", kHost), Contains("multiple of 4K"));
    CHECK_THROWS_WITH(parse_memory_size("2G", 1ull << 30), Contains("only 1024 MiB"));
}

TEST_CASE("A channel is standard output, nothing, or a file") {
    CHECK(parse_channel("stdio", "-serial") == "stdio");
    CHECK(parse_channel("mon:stdio", "-serial") == "stdio");
    CHECK(parse_channel("none", "-serial") == "none");
    CHECK(parse_channel("null", "-serial") == "none");
    CHECK(parse_channel("file:/tmp/a b", "-serial") == "file:/tmp/a b");
    CHECK_THROWS_WITH(parse_channel("file:", "-serial"), Contains("-serial"));
    CHECK_THROWS_WITH(parse_channel("tcp:1", "-debugcon"), Contains("-debugcon") && Contains("file:PATH"));
}

TEST_CASE("A drive is a list of properties with doubled commas for commas") {
    const DriveOption d = parse_drive("file=a,,b.img,format=raw,snapshot=on,if=ide,index=2,media=disk");
    CHECK(d.drive.file == "a,b.img");
    CHECK(d.drive.snapshot);
    CHECK(d.index == 2);
    CHECK_FALSE(parse_drive("file=x,snapshot=off").drive.snapshot);
    CHECK(parse_drive("file=x").index == -1);
}

TEST_CASE("A drive property that is wrong or unknown is named") {
    CHECK_THROWS_WITH(parse_drive("format=raw"), Contains("names no image"));
    CHECK_THROWS_WITH(parse_drive("file="), Contains("names no image"));
    CHECK_THROWS_WITH(parse_drive("file=x,format=qcow2"), Contains("qemu-img convert"));
    CHECK_THROWS_WITH(parse_drive("file=x,snapshot=maybe"), Contains("snapshot=on or snapshot=off"));
    CHECK_THROWS_WITH(parse_drive("file=x,if=virtio"), Contains("only if=ide"));
    CHECK_THROWS_WITH(parse_drive("file=x,index=4"), Contains("0 to 3"));
    CHECK_THROWS_WITH(parse_drive("file=x,media=cdrom"), Contains("only media=disk"));
    CHECK_THROWS_WITH(parse_drive("file=x,fromat=raw"), Contains("did you mean format?"));
}

TEST_CASE("Drives go to their index, others to the first free place") {
    const auto places = place_drives({{-1, {"a", false}}, {0, {"b", false}}, {3, {"c", true}}}, false);
    REQUIRE(places.size() == 4);
    CHECK(places[0].file == "b");
    CHECK(places[1].file == "a");
    CHECK(places[2].file.empty());
    CHECK(places[3].snapshot);
    CHECK(place_drives({}, false).empty());
    CHECK(place_drives({{1, {"a", false}}}, true).at(1).snapshot);
    CHECK_THROWS_WITH(place_drives({{1, {"a", false}}, {1, {"b", false}}}, false),
                      Contains("two drives at index 1"));
    CHECK_THROWS_WITH(place_drives(std::vector<DriveOption>(5, {-1, {"a", false}}), false),
                      Contains("too many drives"));
}

TEST_CASE("isa-debug-exit takes a port and a size, and is where QEMU has it otherwise") {
    RunConfig config;
    parse_device("isa-debug-exit", config);
    CHECK(config.debug_exit);
    CHECK(config.debug_exit_port == 0x501);
    CHECK(config.debug_exit_size == 2);
    parse_device("isa-debug-exit,iobase=0xf4,iosize=0x04", config);
    CHECK(config.debug_exit_port == 0xF4);
    CHECK(config.debug_exit_size == 4);
    CHECK_THROWS_WITH(parse_device("isa-debug-exti", config), Contains("did you mean isa-debug-exit?"));
    CHECK_THROWS_WITH(parse_device("e1000", config), Contains("only isa-debug-exit"));
    CHECK_THROWS_WITH(parse_device("isa-debug-exit,iosize=3", config), Contains("1, 2 or 4"));
    CHECK_THROWS_WITH(parse_device("isa-debug-exit,iobase=0x10000", config), Contains("65535"));
    CHECK_THROWS_WITH(parse_device("isa-debug-exit,iobase=0xffff,iosize=4", config), Contains("beyond port"));
    CHECK_THROWS_WITH(parse_device("isa-debug-exit,iobsae=1", config), Contains("did you mean iobase?"));
}

TEST_CASE("A machine is a PC with or without APICs") {
    CHECK(parse_machine("pc") == Board::pc);
    CHECK(parse_machine("isapc") == Board::isapc);
    CHECK(parse_machine("type=isapc") == Board::isapc);
    CHECK_THROWS_WITH(parse_machine("q35"), Contains("choose pc or isapc"));
    CHECK_THROWS_WITH(parse_machine("pc,accel=kvm"), Contains("accel"));
}

TEST_CASE("Modules are separated by commas and keep their arguments") {
    CHECK(parse_modules("a") == std::vector<std::string>{"a"});
    CHECK(parse_modules("a x y, b z") == std::vector<std::string>{"a x y", "b z"});
    CHECK(parse_modules("a,,b") == std::vector<std::string>{"a,b"});
    CHECK_THROWS_WITH(parse_modules("a, ,b"), Contains("empty file"));
    CHECK_THROWS_WITH(parse_modules(""), Contains("empty file"));
}

TEST_CASE("A time limit is seconds, or has a unit") {
    CHECK(parse_time_limit("10") == 10);
    CHECK(parse_time_limit("0.25") == 0.25);
    CHECK(parse_time_limit("3s") == 3);
    CHECK(parse_time_limit("2m") == 120);
    CHECK(parse_time_limit("1h") == 3600);
    for (const char* text : {"", "0", "-1", "ten", "nan", "inf", "1e9", "5x"}) {
        INFO("time '" << text << "'");
        CHECK_THROWS_WITH(parse_time_limit(text), Contains("is not a time"));
    }
}

TEST_CASE("A choice that does not exist names those that do") {
    CHECK(parse_choice("b", {"a", "b"}, "letter") == 1);
    CHECK_THROWS_WITH(
        parse_choice("seccmop", {"seccomp", "ptrace"}, "engine"),
        Contains("unknown engine") && Contains("did you mean seccomp?") && Contains("seccomp or ptrace"));
}

TEST_CASE("Log items are checked one by one") {
    CHECK(parse_log_items("int,trap", {"int", "trap"}) == std::vector<std::string>{"int", "trap"});
    CHECK_THROWS_WITH(parse_log_items("int,in_asm", {"int", "trap"}), Contains("in_asm"));
    CHECK_THROWS_WITH(parse_log_items("trpa", {"int", "trap"}), Contains("did you mean trap?"));
}

TEST_CASE("A trace has a file and a size") {
    RunConfig config;
    parse_trace("boot.trace", config);
    CHECK(config.trace_file == "boot.trace");
    CHECK(config.trace_bytes == 512ull << 20);
    parse_trace("a,,b,size=64m", config);
    CHECK(config.trace_file == "a,b");
    CHECK(config.trace_bytes == 64ull << 20);
    parse_trace("a,size=4096", config);
    CHECK(config.trace_bytes == 4096);
    CHECK_THROWS_WITH(parse_trace(",size=1M", config), Contains("names no file"));
    CHECK_THROWS_WITH(parse_trace("a,sise=1M", config), Contains("did you mean size?"));
    for (const char* size : {"", "0", "1K", "4095", "M", "-1M", "1T", "99999999999999G", "1MB"}) {
        INFO("size '" << size << "'");
        CHECK_THROWS_WITH(parse_trace(std::string("a,size=") + size, config), Contains("is not a size"));
    }
}
