#include "monitor/drive_image.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <optional>
#include <stdexcept>

#include "host_files.hpp"

using namespace ringpress;
using Catch::Matchers::Contains;

TEST_CASE("A drive shows the image's sectors") {
    const test::TemporaryFolder folder;
    const DriveImage drive({folder.file("a.img", std::string(512, 'A') + std::string(512, 'B')), false});
    CHECK(drive.sectors() == 2);
    CHECK(drive.bytes()[511] == 'A');
    CHECK(drive.bytes()[512] == 'B');
}

TEST_CASE("Writes reach the image at once and survive a process that is killed") {
    const test::TemporaryFolder folder;
    const std::string path = folder.file("a.img", std::string(512, 'A'));
    const DriveImage drive({path, false});
    const pid_t child = fork();
    if (child == 0) {
        drive.bytes()[7] = '!';
        kill(getpid(), SIGKILL);
    }
    int status;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    CHECK(test::content_of(path)[7] == '!');
    CHECK_NOTHROW(drive.sync());
}

TEST_CASE("Writes to a snapshot are seen by the guest and not by the image") {
    const test::TemporaryFolder folder;
    const std::string path = folder.file("a.img", std::string(512, 'A'));
    chmod(path.c_str(), 0400);
    const DriveImage drive({path, true});
    const std::string changed(512, '!');
    drive.disk().write(0, changed.data(), 1);
    drive.sync();
    CHECK(*drive.disk().sector(0) == '!');
    CHECK(test::content_of(path)[7] == 'A');
    drive.forget_writes();
    CHECK(*drive.disk().sector(0) == 'A');
}

TEST_CASE("What one process writes to a snapshot, the other reads, and only written sectors are kept apart") {
    const test::TemporaryFolder folder;
    const DriveImage drive({folder.file("a.img", std::string(512 * 200, 'A')), true});
    const pid_t child = fork();
    if (child == 0) {
        const std::string sectors(1024, '!');
        drive.disk().write(63, sectors.data(), 2);
        _exit(0);
    }
    REQUIRE(waitpid(child, nullptr, 0) == child);
    std::string read(4 * 512, ' ');
    drive.disk().read(62, read.data(), 4);
    CHECK(read == std::string(512, 'A') + std::string(1024, '!') + std::string(512, 'A'));
    for (unsigned i = 0; i < 200; ++i) CHECK(drive.disk().written_apart(i) == (i == 63 || i == 64));
}

TEST_CASE("An image has one writer, or any number of snapshots") {
    const test::TemporaryFolder folder;
    const std::string path = folder.file("a.img", std::string(512, 'A'));
    {
        const DriveImage writer({path, false});
        CHECK_THROWS_WITH(DriveImage({path, false}), Contains("in use by another virtual machine"));
        CHECK_THROWS_WITH(DriveImage({path, true}), Contains("being written"));
    }
    {
        const DriveImage first({path, true}), second({path, true});
        CHECK_THROWS_WITH(DriveImage({path, false}), Contains("in use"));
    }
    CHECK_NOTHROW(DriveImage({path, false}));
}

TEST_CASE("A moved image stays mapped and locked") {
    const test::TemporaryFolder folder;
    const std::string path = folder.file("a.img", std::string(512, 'A'));
    std::optional<DriveImage> first(std::in_place, DriveConfig{path, false});
    const DriveImage second(std::move(*first));
    first.reset();
    CHECK(second.bytes()[0] == 'A');
    CHECK_THROWS_WITH(DriveImage({path, false}), Contains("in use"));
}

TEST_CASE("An image that ends within a sector is filled up with zeros, and keeps its size") {
    const test::TemporaryFolder folder;
    const std::string path = folder.file("odd.img", std::string(513, 'x'));
    {
        const DriveImage drive({path, false});
        REQUIRE(drive.sectors() == 2);
        CHECK(drive.bytes()[512] == 'x');
        CHECK(drive.bytes()[513] == 0);
        CHECK(drive.bytes()[1023] == 0);
        drive.bytes()[512] = 'y';
        drive.bytes()[513] = 'z';
        drive.sync();
    }
    CHECK(test::content_of(path) == std::string(512, 'x') + "y");
}

TEST_CASE("A place without a file is a place without a drive") {
    const DriveImage none({"", false});
    CHECK(none.bytes().empty());
    CHECK(none.sectors() == 0);
    CHECK_NOTHROW(none.sync());
}

TEST_CASE("What is no disk image is refused in words") {
    const test::TemporaryFolder folder;
    CHECK_THROWS_WITH(DriveImage({folder.path("none"), false}), Contains("does not exist"));
    CHECK_THROWS_WITH(DriveImage({folder.path(""), false}), Contains("is a directory"));
    CHECK_THROWS_WITH(DriveImage({folder.path(""), true}), Contains("is a directory"));
    CHECK_THROWS_WITH(DriveImage({folder.file("e", ""), false}), Contains("is empty"));
    CHECK_THROWS_WITH(DriveImage({"/dev/null", false}), Contains("not a regular file"));
    const std::string fifo = folder.path("fifo");
    REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
    CHECK_THROWS_WITH(DriveImage({fifo, false}), Contains("not a regular file"));
    const std::string huge = folder.file("huge", "");
    REQUIRE(truncate(huge.c_str(), (1ll << 37)) == 0);
    CHECK_THROWS_WITH(DriveImage({huge, false}), Contains("128 GiB"));
    if (geteuid() != 0) {
        const std::string read_only = folder.file("ro", std::string(512, 'x'));
        chmod(read_only.c_str(), 0400);
        CHECK_THROWS_WITH(DriveImage({read_only, false}), Contains("snapshot=on"));
    }
}
