#include "monitor/symbols/symbol_table.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "monitor/symbols/symbol_text.hpp"
#include "tests/monitor/boot/images.hpp"
#include "tests/monitor/host_files.hpp"
#include "tests/monitor/symbols/elf_with_symbols.hpp"

using namespace ringpress;
using namespace ringpress::test;
using Catch::Matchers::Contains;

namespace {

SymbolTable three() {
    return SymbolTable({{0x3000, 0, "last"}, {0x1000, 0, "first"}, {0x2000, 0x10, "second"}});
}
SymbolTable from_text(const std::string& text) {
    return SymbolTable::from_bytes(std::as_bytes(std::span(text)));
}
std::string error_of(const std::string& text) {
    try {
        from_text(text);
        return "";
    } catch (const std::runtime_error& error) {
        return error.what();
    }
}

}  // namespace

TEST_CASE("An address is named by the symbol at or before it, and the distance") {
    const SymbolTable table = three();
    CHECK(table.name_of(0x1000) == "first");
    CHECK(table.name_of(0x1012) == "first+0x12");
    CHECK(table.name_of(0x1FFF) == "first+0xfff");
    CHECK(table.name_of(0x2000) == "second");
    CHECK(table.name_of(0x3FFF) == "last+0xfff");
}

TEST_CASE("Addresses outside of all symbols have no name") {
    CHECK(three().name_of(0xFFF).empty());
    CHECK(three().name_of(0).empty());
    CHECK(three().name_of(0x4000).empty());
    CHECK(three().name_of(0xFFFFFFFF).empty());
    CHECK(SymbolTable().name_of(0x1000).empty());
    CHECK_FALSE(SymbolTable().address_of("x"));
}

TEST_CASE("Symbols are found by name") {
    CHECK(three().address_of("second") == 0x2000);
    CHECK_FALSE(three().address_of("secon"));
    CHECK_FALSE(three().address_of("zzz"));
}

TEST_CASE("A slide moves places, and leaves absolute numbers alone") {
    SymbolTable table({{0x1000, 0, "place"}, {0x1000, 0, "number", 'A'}, {0x1001, 0, "odd", 'A'}});
    const SymbolTable slid = table.with_slide(0x500000);
    CHECK(slid.name_of(0x501008) == "place+0x8");
    CHECK(slid.name_of(0x1008).empty());
    CHECK(slid.address_of("place") == 0x501000);
    CHECK(slid.address_of("number") == 0x1000);
    CHECK(table.name_of(0x1008) == "place+0x8");
    // Below its link address, too: the distance is modulo 2^32.
    CHECK(table.with_slide(0xFFFFF800).name_of(0x800) == "place");
}

TEST_CASE("Of several names of one address the first one given is used") {
    SymbolTable table({{0x1000, 0, "a"}, {0x1000, 0, "b"}, {0x1000, 0, "c"}});
    CHECK(table.name_of(0x1004) == "a+0x4");
    CHECK(table.address_of("c") == 0x1000);
}

TEST_CASE("Names are those that a search through all symbols gives") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    std::map<std::uint32_t, std::string> model;
    std::vector<Symbol> symbols;
    for (int i = 0; i < 2000; ++i) {
        const std::uint32_t address = 0xC0000000 + random() % 100000;
        const std::string name = fmt::format("s{}", i);
        model.emplace(address, name);
        symbols.push_back({address, 0, name});
    }
    const SymbolTable table(symbols);
    for (int i = 0; i < 20000; ++i) {
        const std::uint32_t address = 0xC0000000 + random() % 100000;
        auto after = model.upper_bound(address);
        if (after == model.begin()) {
            CHECK(table.name_of(address).empty());
            continue;
        }
        --after;
        const std::uint32_t offset = address - after->first;
        if (std::next(after) == model.end() && offset >= 4096) continue;
        CHECK(table.name_of(address) ==
              (offset ? fmt::format("{}+{:#x}", after->second, offset) : after->second));
    }
}

TEST_CASE("Text as nm, System.map and /proc/kallsyms have it is understood") {
    const SymbolTable table = from_text(
        "         U external\n"
        "00000100 A a_number\n"
        "c1000000 T _text\r\n"
        "c1000040\tt\tlocal_function\n"
        "\n"
        "c1800000 d some_data\n"
        "f8000000 t module_function\t[loop]\n"
        "c1900000 B end");
    CHECK(table.size() == 5);
    CHECK(table.name_of(0xC1000044) == "local_function+0x4");
    CHECK_FALSE(table.find(0xC1800000)->is_code());
    CHECK(table.find(0xC1000000)->is_code());
    CHECK_FALSE(table.address_of("module_function"));
    CHECK(table.with_slide(0x1000).address_of("a_number") == 0x100);
}

TEST_CASE("Text that is none of these is refused with the line that is wrong") {
    CHECK_THAT(error_of("c1000000 T a\nwhat is this\n"), Contains("line 2"));
    CHECK_THAT(error_of("c1000000 T a\nc1000001 T\n"), Contains("line 2"));
    CHECK_THAT(error_of("ffffffff81000000 T _text\n"), Contains("64-bit"));
    CHECK_THAT(error_of("00000000 T a\n00000000 T b\n"), Contains("zero"));
    CHECK(from_text("hello\n").empty());
    CHECK(from_text("").empty());
}

TEST_CASE(
    "The symbols of an ELF file are its functions and data, and the best name of an address comes first") {
    const Bytes elf = elf_with_symbols({{"_start", 0x100000, 0, ElfSymbolKind::label, false},
                                        {"main", 0x100010, 32, ElfSymbolKind::function, true},
                                        {"alias", 0x100010, 32, ElfSymbolKind::function, false},
                                        {"__main", 0x100010, 32, ElfSymbolKind::function, true},
                                        {"table", 0x100040, 16, ElfSymbolKind::object, true},
                                        {".Llocal", 0x100050, 0, ElfSymbolKind::label, false},
                                        {"prog.c", 0, 0, ElfSymbolKind::file, false}});
    const SymbolTable table = SymbolTable::from_bytes(elf);
    CHECK(table.size() == 5);
    CHECK(table.name_of(0x100018) == "main+0x8");
    CHECK(table.address_of("alias") == 0x100010);
    CHECK(table.name_of(0x100004) == "_start+0x4");
    CHECK(table.find(0x100044)->type == 'D');
    CHECK(table.find(0x100044)->size == 16);
}

TEST_CASE("An ELF file with symbols, cut off or damaged anywhere, is refused or read, and nothing worse") {
    const Bytes whole = elf_with_symbols({{"main", 0x100010, 32, ElfSymbolKind::function, true}});
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const auto attempt = [](const Bytes& bytes) {
        std::size_t count = 0;
        try {
            count = SymbolTable::from_bytes(bytes).size();
        } catch (const std::runtime_error&) {
        }
        CHECK(count <= bytes.size() / 16);
    };
    for (std::size_t length = 0; length < whole.size(); ++length)
        attempt(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)));
    for (int round = 0; round < 2000; ++round) {
        Bytes bent = whole;
        for (int i = 0; i < 3; ++i) bent[random() % bent.size()] = static_cast<std::byte>(random());
        attempt(bent);
    }
}

TEST_CASE("A symbol file that is missing or has no symbols is one line for its user") {
    const TemporaryFolder folder;
    CHECK_THROWS_WITH(SymbolTable::load(folder.path("none")), Contains("does not exist"));
    CHECK_THROWS_WITH(SymbolTable::load(folder.file("bad",
                                                    "\x7F"
                                                    "ELF")),
                      Contains("bad'") && Contains("truncated"));
    CHECK_THROWS_WITH(SymbolTable::load(folder.file("noise", "no kernel at all")), Contains("no symbols"));
}
