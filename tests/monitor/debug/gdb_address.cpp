#include "monitor/debug/gdb_address.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <stdexcept>

#include "tests/monitor/host_files.hpp"

using namespace ringpress;
using namespace ringpress::test;

TEST_CASE("-gdb takes what QEMU takes of TCP and UNIX sockets") {
    CHECK(GdbAddress::parse("none").none);
    const GdbAddress plain = GdbAddress::parse(kDefaultGdbAddress);
    CHECK(plain.host == "127.0.0.1");
    CHECK(plain.port == "1234");
    CHECK(GdbAddress::parse("tcp:example:65535,server,nowait").host == "example");
    CHECK(GdbAddress::parse("tcp:[::1]:1,server=on,wait=off").host == "::1");
    CHECK(GdbAddress::parse("unix:/a/b:c,server,nowait").path == "/a/b:c");
}

TEST_CASE("-gdb says what is wrong in one line") {
    for (const char* wrong : {"", "1234", "tcp", "tcp:", "tcp:1234", "tcp::", "tcp::0", "tcp::65536",
                              "tcp::12x", "unix:", "udp::1234", "tcp::1234,wait", "tcp::-1", "stdio"}) {
        CAPTURE(wrong);
        CHECK_THROWS_AS(GdbAddress::parse(wrong), std::runtime_error);
    }
    CHECK_THROWS_AS(GdbAddress::parse("unix:" + std::string(200, 'x')), std::runtime_error);
}

TEST_CASE(
    "A socket in the file system goes with its listener, and one that a dead process left is replaced") {
    TemporaryFolder folder;
    const std::string path = folder.path("gdb");
    {
        const GdbListener listener(GdbAddress::parse("unix:" + path));
        CHECK(std::filesystem::is_socket(path));
        // Somebody answers there: it is not taken away.
        CHECK_THROWS_AS(GdbListener(GdbAddress::parse("unix:" + path)), std::runtime_error);
    }
    CHECK_FALSE(std::filesystem::exists(path));
    folder.file("gdb", "a file");
    CHECK_THROWS_AS(GdbListener(GdbAddress::parse("unix:" + path)), std::runtime_error);
    CHECK(std::filesystem::is_regular_file(path));
}
