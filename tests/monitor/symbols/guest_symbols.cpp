#include "monitor/symbols/guest_symbols.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <random>

#include "tests/monitor/host_files.hpp"
#include "tests/monitor/symbols/elf_with_symbols.hpp"

using namespace ringpress;
using namespace ringpress::test;
using Catch::Matchers::Contains;

namespace {

constexpr std::uint32_t kText = 0x8000;

/// A kernel of random code with one function, at 1 MiB.
Bytes kernel(std::uint32_t seed = 1) {
    std::mt19937 random(seed);
    Bytes text(kText);
    for (auto& b : text) b = static_cast<std::byte>(random());
    return elf_with_symbols({{"function", 0x100100, 64, ElfSymbolKind::function, true}}, text);
}
std::string file(const TemporaryFolder& folder, const char* name, const Bytes& bytes) {
    return folder.file(name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}
void place(Bytes& ram, const Bytes& image, std::size_t at) {
    std::copy(image.begin() + 0x200, image.begin() + 0x200 + kText,
              ram.begin() + static_cast<std::ptrdiff_t>(at));
}

}  // namespace

TEST_CASE("A kernel that moved itself is found in RAM, and its symbols slide with it") {
    const TemporaryFolder folder;
    const Bytes image = kernel();
    GuestSymbols guest = GuestSymbols::load(file(folder, "kernel", image), "");
    Bytes ram(16u << 20);
    CHECK_FALSE(guest.locate(ram));
    place(ram, image, 0x700000);
    CHECK(guest.locate(ram));
    CHECK(guest.table().slide() == 0x600000);
    CHECK(guest.name_of(0x700104) == "function+0x4");
    // Once found it stays so, until the next reset.
    std::fill(ram.begin(), ram.end(), std::byte{0});
    place(ram, image, 0x100000);
    CHECK(guest.locate(ram));
    CHECK(guest.name_of(0x700104) == "function+0x4");
    guest.forget_place();
    CHECK(guest.locate(ram));
    CHECK(guest.name_of(0x100104) == "function+0x4");
}

TEST_CASE("A kernel is recognised although it patched itself and its addresses were relocated") {
    const TemporaryFolder folder;
    const Bytes image = kernel();
    GuestSymbols guest = GuestSymbols::load(file(folder, "kernel", image), "");
    Bytes ram(16u << 20);
    place(ram, image, 0x300000);
    for (std::size_t at = 0x300000; at < 0x300000 + kText; at += 40) ram[at] ^= std::byte{0xFF};
    CHECK(guest.locate(ram));
    CHECK(guest.table().slide() == 0x200000);
}

TEST_CASE("Another kernel in RAM is not taken for this one") {
    const TemporaryFolder folder;
    GuestSymbols guest = GuestSymbols::load(file(folder, "kernel", kernel(1)), "");
    Bytes ram(4u << 20);
    place(ram, kernel(2), 0x100000);
    CHECK_FALSE(guest.locate(ram));
}

TEST_CASE("Symbols of a file of their own are used instead of the kernel's") {
    const TemporaryFolder folder;
    const Bytes image = kernel();
    const std::string map = folder.file("System.map", "00100000 T start\n00100200 T other\n");
    GuestSymbols guest = GuestSymbols::load(file(folder, "kernel", image), map);
    Bytes ram(4u << 20);
    place(ram, image, 0x200000);
    CHECK(guest.locate(ram));
    CHECK(guest.name_of(0x200104) == "start+0x104");
    CHECK_THROWS_WITH(GuestSymbols::load(file(folder, "kernel", image), folder.path("none")),
                      Contains("does not exist"));
}

TEST_CASE("A guest without symbols answers without, and needs no search") {
    const TemporaryFolder folder;
    GuestSymbols guest = GuestSymbols::load(folder.file("noise", "noise"), "");
    CHECK(guest.table().empty());
    CHECK(guest.locate({}));
    CHECK(guest.name_of(0x100000).empty());
}

TEST_CASE("The symbols of a run are read when they are asked for, and once") {
    const TemporaryFolder folder;
    RunConfig config;
    SymbolsOnDemand symbols(config);
    config.kernel = file(folder, "kernel", kernel());
    config.symbols = folder.file("System.map", "00100000 T start\n");
    GuestSymbols& first = symbols.get();
    CHECK(first.table().size() == 1);
    std::filesystem::remove(config.symbols);
    CHECK(&symbols.get() == &first);
    SymbolsOnDemand missing(config);
    CHECK_THROWS_WITH(missing.get(), Contains("does not exist"));
}
