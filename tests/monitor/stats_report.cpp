#include "monitor/stats_report.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace ringpress;
using Catch::Matchers::Contains;

namespace {

Statistics sample() {
    Statistics s;
    s.traps[static_cast<unsigned>(TrapCause::patched)] = 30;
    s.traps[static_cast<unsigned>(TrapCause::hidden_fault)] = 10;
    s.traps[static_cast<unsigned>(TrapCause::gate)] = 1000;
    s.emulated[static_cast<unsigned>(InsnId::cli)] = 7;
    s.emulated[static_cast<unsigned>(InsnId::popf)] = 23;
    s.reflected[14] = 5;
    s.patched_sites = 12;
    s.inlined_sites = 3;
    s.pages_mapped = 99;
    return s;
}

}  // namespace

TEST_CASE("Statistics name causes, instructions with their class, and exceptions, the most frequent first") {
    const std::string text = stats_text(sample(), 2);
    CHECK_THAT(text, Contains("40 traps (20 a second)"));
    CHECK_THAT(text, Contains("patched") && Contains("75.0 %"));
    CHECK_THAT(text, Contains("cli               privileged             7"));
    CHECK(text.find("popf") < text.find("cli "));
    CHECK_THAT(text, Contains("#PF"));
    CHECK_THAT(text, !Contains("lgdt"));
}

TEST_CASE("Statistics of a guest that did nothing are still well-formed") {
    CHECK_THAT(stats_text(Statistics{}, 0), Contains("0 traps"));
    CHECK(nlohmann::json::parse(stats_json(Statistics{}, 0)).at("traps").at("total") == 0);
}

TEST_CASE("Statistics as JSON are one line that any reader takes") {
    const std::string text = stats_json(sample(), 2);
    CHECK(text.find('\n') == text.size() - 1);
    const auto json = nlohmann::json::parse(text);
    CHECK(json.at("seconds") == 2);
    CHECK(json.at("traps").at("total") == 40);
    CHECK(json.at("gates") == 1000);
    CHECK(json.at("traps").at("hidden_fault") == 10);
    CHECK(json.at("emulated").at(0).at("mnemonic") == "popf");
    CHECK(json.at("emulated").at(0).at("class") == "silent");
    CHECK(json.at("reflected").at("14") == 5);
    CHECK(json.at("code").at("inlined_sites") == 3);
    CHECK(json.at("memory").at("pages_mapped") == 99);
}
