#include "monitor/holes/render.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "../host_files.hpp"
#include "monitor/cli_holes.hpp"
#include "monitor/holes/count.hpp"
#include "monitor/holes/names.hpp"
#include "monitor/holes/summary.hpp"

using namespace ringpress;
using Catch::Matchers::Contains;

namespace {

/// A report with one judged form, as it would look on a host with one hole.
HolesReport small_report() {
    HolesReport r;
    r.processor = "GenuineTest, <model> & \"name\"";
    r.kernel = "Linux 0.0";
    for (const KnownForm& form : instruction_forms()) {
        FormFinding f;
        f.form = &form;
        f.text = form.id == InsnId::popf ? "popfd" : "cli";
        f.bytes = "9d";
        f.ring0 = "IF 1 to 0";
        f.host = form.id == InsnId::popf ? HostAnswer::silent : HostAnswer::faults;
        f.host_text = "IF = 1, not 0";
        f.levels[0] = {GuestAnswer::wrong, "native", "IF = 1, not 0, and more of the same, for a long line"};
        f.levels[1] = {GuestAnswer::right, "int3", ""};
        f.levels[2] = {GuestAnswer::right, "gate", ""};
        r.forms.push_back(f);
    }
    return r;
}

}  // namespace

TEST_CASE("No line of the table is wider than the terminal, and every form has its line") {
    const HolesReport r = small_report();
    for (const unsigned width : {40u, 66u, 80u, 100u, 132u, 200u}) {
        std::istringstream lines(holes_table(r, {false, width}));
        unsigned rows = 0;
        for (std::string line; std::getline(lines, line);) {
            INFO(width << ": " << line);
            CHECK(line.size() <= width);
            rows += line.starts_with("cli") || line.starts_with("popfd");
        }
        CHECK(rows == instruction_forms().size());
    }
}

TEST_CASE("Colours come only where they are wanted, and change nothing else") {
    const HolesReport r = small_report();
    const std::string plain = holes_table(r, {false, 100}), coloured = holes_table(r, {true, 100});
    CHECK_THAT(plain, !Contains("\033"));
    CHECK_THAT(coloured, Contains("\033[31m"));
    std::string stripped;
    for (std::size_t i = 0; i < coloured.size(); ++i) {
        if (coloured[i] == '\033')
            while (coloured[i] != 'm') ++i;
        else
            stripped += coloured[i];
    }
    CHECK(stripped == plain);
}

TEST_CASE("One instruction is explained with its manual section, its bytes and what came of it") {
    const std::string text = holes_detail(small_report(), {InsnId::popf}, {false, 80});
    CHECK_THAT(text,
               Contains("SDM Vol. 2B 4-POPF") && Contains("bytes 9d") && Contains("silent: IF = 1, not 0"));
    CHECK_THAT(text, Contains("The classic hole") && Contains("in their list as POPF"));
    CHECK_THAT(text, Contains("native: WRONG") && Contains("gate: right"));
}

TEST_CASE("JSON has every instruction, or those asked for, and the count") {
    const HolesReport r = small_report();
    const auto all = nlohmann::json::parse(holes_json(r, {}));
    CHECK(all.at("instructions").size() == explanations().size());
    CHECK(all.at("count").at("forms") == instruction_forms().size());
    CHECK(all.at("count").at("holes") == 1);
    CHECK(all.at("guests_ran") == true);
    const auto one = nlohmann::json::parse(holes_json(r, {InsnId::popf}));
    REQUIRE(one.at("instructions").size() == 1);
    const auto& popf = one.at("instructions").at(0);
    CHECK(popf.at("id") == "popf");
    CHECK(popf.at("host") == "silent");
    CHECK(popf.at("forms").at(0).at("levels").at("ignore").at("answer") == "wrong");
}

TEST_CASE("The page is one file, asks nothing of the network, and escapes what it did not write") {
    const std::string html = holes_html(small_report());
    CHECK_THAT(html, Contains("&lt;model&gt; &amp; &quot;name&quot;") && !Contains("<model>"));
    CHECK_THAT(html, !Contains("http:") && !Contains("https:") && !Contains("src=") && !Contains("<script"));
    for (const InsnExplanation& e : explanations())
        CHECK_THAT(html, Contains("id=\"" + std::string(e.key) + "\""));
}

TEST_CASE("The table in the documentation is the one that the sources make") {
    // ringpress holes --markdown prints it.
    CHECK_THAT(test::content_of(DOCUMENTED_HOLES), Contains(holes_markdown()));
}

TEST_CASE("Instructions are found by their names, and a slip of the keys gets a hint") {
    CHECK(instructions_named("popf") == std::vector<InsnId>{InsnId::popf});
    CHECK(instructions_named("POPF") == std::vector<InsnId>{InsnId::popf});
    CHECK(instructions_named("mov from segment") == std::vector<InsnId>{InsnId::mov_from_seg});
    CHECK(instructions_named("mov-from-seg") == std::vector<InsnId>{InsnId::mov_from_seg});
    CHECK(instructions_named("mov").size() == 4);
    CHECK(instructions_named("jmp") == std::vector<InsnId>{InsnId::far_jmp});
    CHECK(instructions_named("INT n") == std::vector<InsnId>{InsnId::int_n});
    for (const InsnExplanation& e : explanations()) {
        CHECK(instructions_named(e.key) == std::vector<InsnId>{e.id});
        if (!e.printed.empty()) CHECK_FALSE(instructions_named(e.printed).empty());
    }
    CHECK_THROWS_WITH(instructions_named("popg"), Contains("did you mean popf?"));
    CHECK_THROWS_WITH(instructions_named("nonsense"), Contains("no sensitive instruction"));
}

TEST_CASE("A wrong command line is told in one line before anything is executed") {
    CHECK_THROWS_WITH(command_holes({"--jsn"}), Contains("did you mean --json?"));
    CHECK_THROWS_WITH(command_holes({"--json", "--html"}), Contains("one of them"));
    CHECK_THROWS_WITH(command_holes({"--html", "popf"}), Contains("leave the name out"));
    CHECK_THROWS_WITH(command_holes({"popg"}), Contains("popf"));
}

TEST_CASE("The holes of a running guest come before what traps by itself") {
    Statistics s;
    s.emulated[static_cast<unsigned>(InsnId::cli)] = 1000;
    s.emulated[static_cast<unsigned>(InsnId::popf)] = 7;
    s.patched_sites = 12, s.inlined_sites = 3;
    const std::string text = holes_summary(s);
    CHECK_THAT(text, Contains("1007 sensitive instructions emulated, 7 of them"));
    CHECK_THAT(text, Contains("12 sensitive sites found in the code, 3 of them made gates"));
    CHECK(text.find("popf") < text.find("cli  "));
    CHECK_THAT(text, !Contains("sgdt"));
}
