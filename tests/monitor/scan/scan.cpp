#include "monitor/scan/scan.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "monitor/scan/cli_scan.hpp"
#include "monitor/scan/scan_report.hpp"
#include "tests/monitor/host_files.hpp"
#include "tests/monitor/symbols/elf_with_symbols.hpp"

using namespace ringpress;
using namespace ringpress::test;
using Catch::Matchers::Contains;

namespace {

/// A kernel whose code is `bytes` at 1 MiB, with nops up to the end of its first page and a little more.
Bytes kernel(std::initializer_list<unsigned> bytes, std::vector<ElfSymbolSpec> symbols = {}) {
    Bytes text(4096 + 64, std::byte{0x90});
    std::size_t at = 0;
    for (const unsigned b : bytes) text[at++] = static_cast<std::byte>(b);
    return elf_with_symbols(symbols, text);
}
ScanResult scanned(const Bytes& file, const ScanOptions& options = {}) {
    return scan_code(find_code(file, {}), options);
}
std::uint64_t count(const ScanResult& result, InsnId id) {
    return result.by_kind[static_cast<unsigned>(id)];
}
std::uint64_t of_class(const ScanCounts& counts, InsnClass c) {
    return counts.by_class[static_cast<unsigned>(c)];
}

}  // namespace

TEST_CASE("Sensitive instructions are counted by kind, class and symbol") {
    // f: cli; pushf; popf; sgdt [eax]; rdtsc; ret    g: sti; cli; int3
    const auto f = ElfSymbolSpec{"f", 0x100000, 0, ElfSymbolKind::function, true};
    const auto g = ElfSymbolSpec{"g", 0x100009, 0, ElfSymbolKind::function, true};
    const ScanResult result =
        scanned(kernel({0xFA, 0x9C, 0x9D, 0x0F, 0x01, 0x00, 0x0F, 0x31, 0xC3, 0xFB, 0xFA, 0xCC}, {f, g}));
    CHECK(count(result, InsnId::cli) == 2);
    CHECK(count(result, InsnId::sti) == 1);
    CHECK(count(result, InsnId::pushf) == 1);
    CHECK(count(result, InsnId::sgdt) == 1);
    CHECK(result.total.counts.sensitive == 8);
    CHECK(of_class(result.total.counts, InsnClass::privileged) == 3);
    CHECK(of_class(result.total.counts, InsnClass::silent) == 2);
    CHECK(of_class(result.total.counts, InsnClass::host) == 1);
    CHECK(of_class(result.total.counts, InsnClass::conditional) == 2);
    REQUIRE(result.symbols.size() == 2);
    CHECK(result.symbols[0].name == "f");
    CHECK(result.symbols[0].counts.sensitive == 5);
    CHECK(result.symbols[1].counts.sensitive == 3);
}

TEST_CASE("What becomes of a site is what the patcher would make of it") {
    Bytes text(4096 + 64, std::byte{0x90});
    text[0] = std::byte{0x9C};                             // pushf: a gate
    text[1] = std::byte{0x0F}, text[2] = std::byte{0x31};  // rdtsc: may run
    text[3] = std::byte{0xCC};                             // int3: the guest's own breakpoint
    text[4096 - 20] = std::byte{0xFA};  // cli, just far enough from the page's end for a gate
    text[4096 - 19] = std::byte{0xFA};  // and just not
    const ScanResult result = scanned(elf_with_symbols({}, text));
    REQUIRE(result.sites.size() == 5);
    CHECK(result.sites[0].treatment == Treatment::gate);
    CHECK(result.sites[1].treatment == Treatment::native);
    CHECK(result.sites[2].treatment == Treatment::trap);
    CHECK(result.sites[3].treatment == Treatment::gate);
    CHECK(result.sites[4].treatment == Treatment::trap);
    CHECK(result.total.counts.gates == 2);
}

TEST_CASE("Sensitive instructions inside of others are counted on demand") {
    // mov al, 0xCB hides a far return; mov eax, 0xFA9C: pushf and cli
    const Bytes file = kernel({0xB0, 0xCB, 0xB8, 0x9C, 0xFA, 0x00, 0x00});
    CHECK(scanned(file).hidden.instructions == 0);
    const HiddenScan hidden = scanned(file, {4, true}).hidden;
    CHECK(hidden.instructions == 2);
    CHECK(hidden.with_far_transfer == 1);
    CHECK(hidden.by_kind[static_cast<unsigned>(InsnId::far_ret)] == 1);
    CHECK(hidden.by_kind[static_cast<unsigned>(InsnId::cli)] == 1);
    CHECK(hidden.by_kind[static_cast<unsigned>(InsnId::pushf)] == 1);
}

TEST_CASE("The report in JSON says what the tables say") {
    const Bytes file = kernel({0xFA, 0x9D, 0xC3}, {{"f", 0x100000, 3, ElfSymbolKind::function, true}});
    const CodeImage code = find_code(file, {});
    const ScanResult result = scan_code(code, {4, true});
    Decoder decoder;
    const ScanReport report{"k", code, result, {4, true}, 20, true};
    const auto json = nlohmann::json::parse(scan_json(report, decoder));
    CHECK(json["format"] == "ringpress-scan");
    CHECK(json["total"]["sensitive"] == 2);
    CHECK(json["total"]["hole"] == 1);
    CHECK(json["sections"][0]["name"] == ".text");
    CHECK(json["instructions"].size() == 2);
    CHECK(json["symbols"][0]["name"] == "f");
    CHECK(json["sites"][1]["address"] == "0x00100001");
    CHECK(json["sites"][1]["bytes"] == "9d");
    CHECK(json["sites"][1]["symbol"] == "f+0x1");
    CHECK(json["hidden"]["instructions"] == 0);

    const std::string text = scan_text(report);
    CHECK_THAT(text, Contains("popf") && Contains("loses IF and IOPL") && Contains("00100000 f"));
    CHECK_THAT(scan_list(report, decoder), Contains("00100001  9d") && Contains("f+0x1"));
}

TEST_CASE("Wrong arguments of scan are one line that says what is wrong") {
    const TemporaryFolder folder;
    const std::string file = folder.file("noise", "no kernel");
    CHECK_THROWS_WITH(command_scan({}), Contains("no kernel: write"));
    CHECK_THROWS_WITH(command_scan({file}), Contains(file) && Contains("--base"));
    CHECK_THROWS_WITH(command_scan({file, "--base", "x"}), Contains("-base"));
    CHECK_THROWS_WITH(command_scan({file, "--bits", "64"}), Contains("-bits"));
    CHECK_THROWS_WITH(command_scan({file, "--top", "-1"}), Contains("-top"));
    CHECK_THROWS_WITH(command_scan({file, file}), Contains("takes no"));
    CHECK_THROWS_WITH(command_scan({file, "--bsae", "0"}), Contains("did you mean --base"));
    CHECK_THROWS_WITH(command_scan({folder.path("none")}), Contains("does not exist"));
}
