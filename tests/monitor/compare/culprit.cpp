#include "monitor/compare/culprit.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "monitor/holes/names.hpp"

using namespace ringpress;

namespace {

GuestOutput output(const std::vector<std::string>& lines) {
    GuestOutput o;
    for (const std::string& line : lines) o.lines.push_back({line, 0.1});
    o.seconds = 0.1;
    return o;
}
bool open_at(const OpenHoles& open, InsnId id, std::uint32_t address) {
    return (open.ids >> static_cast<unsigned>(id) & 1u) && address >= open.first && address <= open.last;
}

const GuestOutput kRight = output({"start", "flags kept", "selector 8", "end"});

}  // namespace

TEST_CASE("The cause is the instruction that breaks the same line by itself, at the place that does it") {
    constexpr std::uint32_t kSite = 0x1234;
    std::vector<std::uint32_t> sites;
    for (std::uint32_t n = 0; n < 40; ++n) sites.push_back(0x1000 + n * 0x34);
    sites.push_back(kSite);
    std::sort(sites.begin(), sites.end());
    // A guest that popf at one place and mov from CS anywhere break.
    const OpenRun guest = [&](const OpenHoles& open) {
        return output(
            {"start", open_at(open, InsnId::popf, kSite) ? "flags lost" : "flags kept",
             open.ids >> static_cast<unsigned>(InsnId::mov_from_seg) & 1u ? "selector 15" : "selector 8",
             "end"});
    };
    const Culprit c = find_culprit(kRight, {}, 1, {InsnId::mov_from_seg, InsnId::popf, InsnId::lar}, guest,
                                   [&](InsnId) { return sites; });
    REQUIRE(c.id);
    CHECK(*c.id == InsnId::popf);
    CHECK(c.alone);
    CHECK(c.sites == std::vector<std::uint32_t>{kSite});
    REQUIRE(c.effects.size() == 3);
    CHECK(c.effects[0].reference_line == 2);
    CHECK(c.effects[0].shown == "selector 15");
    CHECK(c.effects[2].reference_line == -1);
    CHECK(c.runs < 12);  // three instructions, and a search among 41 places
}

TEST_CASE("Places that only break the guest together are told together") {
    const std::vector<std::uint32_t> sites = {0x10, 0x20, 0x30, 0x40};
    const OpenRun guest = [&](const OpenHoles& open) {
        const bool both = open_at(open, InsnId::popf, 0x10) && open_at(open, InsnId::popf, 0x30);
        return output({"start", both ? "flags lost" : "flags kept", "selector 8", "end"});
    };
    const Culprit c = find_culprit(kRight, {}, 1, {InsnId::popf}, guest, [&](InsnId) { return sites; });
    CHECK(c.sites == std::vector<std::uint32_t>{0x10, 0x20, 0x30});
}

TEST_CASE(
    "Where it takes two holes, the one that cannot be spared is named, and it is said that it is not "
    "enough") {
    const OpenRun guest = [&](const OpenHoles& open) {
        const bool both = open_at(open, InsnId::popf, 0) && open_at(open, InsnId::pushf, 0);
        return output({"start", both ? "flags lost" : "flags kept", "selector 8", "end"});
    };
    const Culprit c = find_culprit(kRight, {}, 1, {InsnId::lar, InsnId::pushf, InsnId::popf}, guest,
                                   [](InsnId) { return std::vector<std::uint32_t>{}; });
    REQUIRE(c.id);
    CHECK(*c.id == InsnId::pushf);
    CHECK_FALSE(c.alone);
}

TEST_CASE("Nothing is made up where no experiment breaks the guest") {
    const Culprit c = find_culprit(
        kRight, {}, 1, {InsnId::popf}, [](const OpenHoles&) { return output({"start"}); },
        [](InsnId) { return std::vector<std::uint32_t>{}; });
    // It breaks, but already a line earlier or later than the guest with all holes open would count.
    CHECK(c.effects.front().reference_line == 1);
    const Culprit none = find_culprit(
        kRight, {}, 1, {InsnId::popf},
        [](const OpenHoles& open) {
            return open.ids ? kRight : output({"start", "flags lost"});
        },
        [](InsnId) { return std::vector<std::uint32_t>{}; });
    CHECK_FALSE(none.alone);
    CHECK(none.sites.empty());
}

TEST_CASE("Holes to leave open are named like instructions, with one address for all") {
    const OpenHoles all = parse_open_holes("popf,sgdt");
    CHECK(all.ids ==
          (1ull << static_cast<unsigned>(InsnId::popf) | 1ull << static_cast<unsigned>(InsnId::sgdt)));
    CHECK(all.first == 0);
    CHECK(all.last == 0xFFFFFFFF);
    const OpenHoles one = parse_open_holes("popf@0x100abc");
    CHECK(one.first == 0x100ABC);
    CHECK(one.last == 0x100ABC);
    CHECK_THROWS_WITH(parse_open_holes("popg"), Catch::Matchers::Contains("popf"));
    CHECK_THROWS(parse_open_holes(""));
    CHECK_THROWS(parse_open_holes("popf@nowhere"));
}
