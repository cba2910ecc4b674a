// The demonstration itself, with real guests.
#include "monitor/compare/comparison.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "monitor/compare/report.hpp"

using namespace ringpress;
using Catch::Matchers::Contains;

namespace {

const Comparison& ring0() {
    static const Comparison c = [] {
        RunConfig config;
        config.kernel = RING0_KERNEL;
        config.ram_bytes = 16u << 20;
        config.time_limit = 30;
        return compare_guest(config, "ring0", [](const std::string&) {});
    }();
    return c;
}

}  // namespace

TEST_CASE("The demonstration is right when caught, wrong with open holes, and the cause is found") {
    const Comparison& c = ring0();
    REQUIRE(c.runs.size() == 4);
    CHECK(c.reference().title == "trap");
    CHECK(c.reference().output.lines.back().text == "all is as it is at ring 0");
    CHECK_FALSE(c.runs[1].parts);
    if (c.runs[2].unavailable.empty()) CHECK_FALSE(c.runs[2].parts);
    CHECK(c.open().parts);
    REQUIRE(c.culprit);
    REQUIRE(c.culprit->id);
    CHECK(*c.culprit->id == InsnId::popf);
    CHECK(c.culprit->alone);
    REQUIRE(c.sites.size() == 1);
    CHECK(c.sites[0].text == "popfd");
    CHECK_THAT(c.sites[0].symbol, Contains("critical_section"));
}

TEST_CASE("Columns fit the terminal, and a narrow one gets the runs one below the other") {
    for (const unsigned width : {30u, 60u, 100u, 130u, 200u}) {
        const std::string text = compare_text(ring0(), {false, width, true});
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);) {
            INFO(width << ": " << line);
            CHECK(line.size() <= width);
        }
        CHECK_THAT(text, !Contains("\033"));
    }
    CHECK_THAT(compare_text(ring0(), {false, 200, true}), Contains(" | "));
    CHECK_THAT(compare_text(ring0(), {false, 60, true}), !Contains(" | "));
    CHECK_THAT(compare_text(ring0(), {true, 130, true}), Contains("\033[1;31m"));
}

TEST_CASE("JSON names the cause, its place, and what every run printed") {
    const auto json = nlohmann::json::parse(compare_json(ring0()));
    CHECK(json.at("runs").size() == 4);
    CHECK(json.at("runs").at(3).at("parts_at") == 3);
    CHECK(json.at("culprit").at("instruction") == "popf");
    CHECK(json.at("culprit").at("sites").size() == 1);
    bool sgdt = false;
    for (const auto& effect : json.at("culprit").at("effects"))
        sgdt = sgdt || (effect.at("instruction") == "sgdt" && effect.at("breaks") == true);
    CHECK(sgdt);
}

TEST_CASE("A kernel that is none is told of in one line") {
    RunConfig config;
    config.kernel = "/dev/null";
    config.time_limit = 5;
    CHECK_THROWS_WITH(compare_guest(config, "null", [](const std::string&) {}), Contains("empty"));
}
