#include "monitor/snapshot/snapshot_file.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <random>

#include "../host_files.hpp"

using namespace ringpress;
using namespace ringpress::test;
using Catch::Matchers::Contains;

namespace {

constexpr SectionTag kOne = section_tag("ONE "), kTwo = section_tag("TWO ");

std::string write_sample(const TemporaryFolder& folder) {
    const std::string path = folder.path("sample");
    SnapshotWriter file(path, 7);
    const std::string one(1000, 'a');
    file.section(kOne, one.data(), one.size());
    std::mt19937 random(1);
    std::vector<std::uint32_t> two(2000);
    for (auto& word : two) word = static_cast<std::uint32_t>(random());
    file.section(kTwo, two.data(), two.size() * sizeof two[0]);
    file.finish();
    return path;
}

void read_sample(const std::string& path) {
    SnapshotReader file(path, 7);
    std::string one(1000, ' ');
    file.section(kOne, one.data(), one.size());
    CHECK(one == std::string(1000, 'a'));
    std::vector<std::uint32_t> two(2000);
    file.section(kTwo, two.data(), two.size() * sizeof two[0]);
    file.end();
}

}  // namespace

TEST_CASE("A snapshot file gives back the sections that were put into it") {
    const TemporaryFolder folder;
    CHECK_NOTHROW(read_sample(write_sample(folder)));
}

TEST_CASE("A snapshot file that was cut off anywhere, or has one bit changed, is refused in one line") {
    const unsigned seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const TemporaryFolder folder;
    const std::string whole = content_of(write_sample(folder));
    REQUIRE(whole.size() > 100);
    const auto refused = [&](const std::string& bytes) {
        try {
            read_sample(folder.file("changed", bytes));
        } catch (const std::runtime_error& error) {
            return std::string(error.what()).find('\n') == std::string::npos;
        }
        return false;
    };
    for (int i = 0; i < 200; ++i) {
        const std::size_t length = random() % whole.size();
        INFO("cut off at " << length);
        CHECK(refused(whole.substr(0, length)));
        std::string changed = whole;
        const std::size_t at = random() % whole.size();
        changed[at] = static_cast<char>(changed[at] ^ 1 << random() % 8);
        INFO("byte " << at << " changed");
        CHECK(refused(changed));
    }
    CHECK(refused(whole + "x"));
}

TEST_CASE("Other files and other versions are no snapshots") {
    const TemporaryFolder folder;
    CHECK_THROWS_WITH(SnapshotReader(folder.file("text", "hello, world"), 7), Contains("is no snapshot"));
    CHECK_THROWS_WITH(SnapshotReader(folder.path("none"), 7), Contains("does not exist"));
    const std::string path = write_sample(folder);
    CHECK_THROWS_WITH(SnapshotReader(path, 8), Contains("format 7") && Contains("format 8"));
    SnapshotReader file(path, 7);
    char byte;
    CHECK_THROWS_WITH(file.section(kTwo, &byte, 1), Contains("damaged"));
    SnapshotReader again(path, 7);
    CHECK_THROWS_WITH(again.section(kOne, &byte, 1), Contains("another version of ringpress"));
}

TEST_CASE("A snapshot that cannot be written leaves nothing behind, and the old file as it was") {
    const TemporaryFolder folder;
    CHECK_THROWS_WITH(SnapshotWriter(folder.path("no/such/folder"), 7),
                      Contains("cannot write the snapshot"));
    const std::string path = folder.file("old", "precious");
    { SnapshotWriter file(path, 7); }
    CHECK(content_of(path) == "precious");
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path(""))) ++files;
    CHECK(files == 1);
}
