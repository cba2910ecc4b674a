#include "monitor/host_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <stdexcept>
#include <thread>

#include "host_files.hpp"

using namespace ringpress;
using Catch::Matchers::Contains;

TEST_CASE("A file is read whole, a pipe too") {
    const test::TemporaryFolder folder;
    const std::string content(100000, 'x');
    CHECK(read_host_file(folder.file("a", content), "kernel", 1 << 20).size() == content.size());
    CHECK(read_host_file(folder.file("b", content), "kernel", content.size()).size() == content.size());

    const std::string fifo = folder.path("fifo");
    REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
    std::thread writer([&] { folder.file("fifo", content); });
    const auto bytes = read_host_file(fifo, "kernel", 1 << 20);
    writer.join();
    CHECK(std::string(bytes.begin(), bytes.end()) == content);
}

TEST_CASE("A file that cannot serve is refused with its role and its name") {
    const test::TemporaryFolder folder;
    CHECK_THROWS_WITH(read_host_file(folder.path("none"), "kernel", 1),
                      Contains("kernel") && Contains("does not exist"));
    CHECK_THROWS_WITH(read_host_file(folder.path(""), "initrd", 1),
                      Contains("initrd") && Contains("is a directory"));
    CHECK_THROWS_WITH(read_host_file(folder.file("e", ""), "module", 1),
                      Contains("module") && Contains("is empty"));
    CHECK_THROWS_WITH(read_host_file(folder.file("big", "12345"), "initrd", 4), Contains("larger than"));
    if (geteuid() != 0) {
        const std::string secret = folder.file("secret", "x");
        chmod(secret.c_str(), 0);
        CHECK_THROWS_WITH(read_host_file(secret, "kernel", 1), Contains("Permission denied"));
    }
}
