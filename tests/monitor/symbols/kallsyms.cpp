#include "monitor/symbols/kallsyms.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "tests/monitor/symbols/kallsyms_image.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {

constexpr KallsymsOrder kOrders[] = {KallsymsOrder::addresses_first, KallsymsOrder::offsets_first,
                                     KallsymsOrder::offsets_last};

std::vector<KallsymsEntry> many_symbols() {
    std::vector<KallsymsEntry> entries = {{0xC1000000, "T_text"}, {0xC1000000, "Tstartup_32"}};
    for (unsigned i = 0; i < 1000; ++i)
        entries.push_back({0xC1000100 + i * 32, (i % 2 ? "tdo_thing_" : "Tsys_call_") + std::to_string(i)});
    entries.push_back({0xC1100000, "D" + std::string(200, 'x')});
    entries.push_back({0xC1200000, "b.hidden"});
    return entries;
}

}  // namespace

TEST_CASE("The symbols of a Linux kernel are found in its image, in every order that its tables had") {
    const auto entries = many_symbols();
    for (const KallsymsOrder order : kOrders) {
        INFO("order " << static_cast<int>(order));
        const std::vector<Symbol> symbols = kallsyms(kallsyms_image(entries, order));
        REQUIRE(symbols.size() == entries.size());
        for (std::size_t i = 0; i < entries.size(); ++i) {
            CHECK(symbols[i].address == entries[i].address);
            CHECK(symbols[i].name == entries[i].text.substr(1));
            CHECK(symbols[i].type == entries[i].text[0]);
        }
    }
}

TEST_CASE("An image without the tables has no symbols") {
    CHECK(kallsyms({}).empty());
    CHECK(kallsyms(Bytes(100000, std::byte{0})).empty());
    CHECK(kallsyms(plain_elf()).empty());
}

TEST_CASE("Tables that are cut off or damaged give symbols or none, and never read beyond the image") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    for (const KallsymsOrder order : kOrders) {
        const Bytes whole = kallsyms_image(many_symbols(), order);
        for (int round = 0; round < 100; ++round) {
            Bytes bent = whole;
            bent.resize(random() % whole.size());
            CHECK(kallsyms(bent).size() <= many_symbols().size());
            bent = whole;
            for (int i = 0; i < 4; ++i) bent[random() % bent.size()] = static_cast<std::byte>(random());
            CHECK(kallsyms(bent).size() <= many_symbols().size());
        }
    }
}
