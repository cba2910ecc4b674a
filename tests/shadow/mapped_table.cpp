#include "shadow/mapped_table.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <vector>

#include "tests/shadow/shadow_world.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {

struct Table {
    std::unique_ptr<MappedTable, FreeDelete> table = zeroed<MappedTable>();
    MappedPages pages{*table};
    std::vector<std::uint32_t> heads = std::vector<std::uint32_t>(8);

    void insert(std::uint32_t page, std::uint32_t target, std::uint32_t flags = 0) {
        pages.insert(page, target << kPageShift | flags | MappedPage::kPresent, heads[target]);
    }
    void erase(std::uint32_t page) { pages.erase(page, heads[pages.at(page).target()]); }
    std::vector<std::uint32_t> aliases(std::uint32_t target) const {
        std::vector<std::uint32_t> found;
        for (std::uint32_t next = heads[target]; next; next = pages.at(next - 1).next_alias)
            found.push_back(next - 1);
        return found;
    }
    std::vector<std::uint32_t> regions() const {
        std::vector<std::uint32_t> found;
        pages.for_each_region([&](std::uint32_t r) { found.push_back(r); });
        return found;
    }
    std::vector<std::uint32_t> local_regions() const {
        std::vector<std::uint32_t> found;
        pages.for_each_local_region([&](std::uint32_t r) { found.push_back(r); });
        return found;
    }
    std::vector<std::uint32_t> in_region(std::uint32_t region) const {
        std::vector<std::uint32_t> found;
        pages.for_each_in_region(region, [&](std::uint32_t p) { found.push_back(p); });
        return found;
    }
};

using Pages = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("all-zero is the table with nothing mapped") {
    Table t;
    CHECK(t.pages.total() == 0);
    CHECK(t.regions().empty());
    CHECK(t.local_regions().empty());
    CHECK_FALSE(t.pages.present(0));
}

TEST_CASE("the first and the last page of the address space are pages like others") {
    Table t;
    t.insert(0, 1);
    t.insert(kLinearPages - 1, 1, MappedPage::kGlobal);
    CHECK(t.regions() == Pages{0, kRegions - 1});
    CHECK(t.local_regions() == Pages{0});
    CHECK(t.in_region(kRegions - 1) == Pages{kLinearPages - 1});
    CHECK(t.aliases(1) == Pages{kLinearPages - 1, 0});
    t.erase(0);
    CHECK(t.aliases(1) == Pages{kLinearPages - 1});
    CHECK(t.regions() == Pages{kRegions - 1});
}

TEST_CASE("aliases leave their list from either end and from the middle") {
    for (const std::uint32_t gone : {10u, 20u, 30u}) {
        Table t;
        for (const std::uint32_t page : {10u, 20u, 30u}) t.insert(page, 3);
        t.erase(gone);
        Pages left;
        for (const std::uint32_t page : {30u, 20u, 10u})
            if (page != gone) left.push_back(page);
        CHECK(t.aliases(3) == left);
        CHECK(t.pages.at(gone).bits == 0);
    }
}

TEST_CASE("a page may be erased while its region is walked") {
    Table t;
    for (const std::uint32_t page : {64u, 65u, 127u, 128u, 1023u}) t.insert(page, 2);
    t.insert(1024, 2);
    t.pages.for_each_in_region(0, [&](std::uint32_t page) { t.erase(page); });
    CHECK(t.regions() == Pages{1});
    CHECK(t.aliases(2) == Pages{1024});
}

TEST_CASE("counts, regions and aliases follow whatever is inserted and erased") {
    const unsigned seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    Table t;
    std::map<std::uint32_t, std::uint32_t> model;  // page to bits
    constexpr std::uint32_t kFlags[] = {MappedPage::kWritable, MappedPage::kSupervisor, MappedPage::kGlobal,
                                        MappedPage::kLarge, MappedPage::kPad};
    for (unsigned step = 0; step < 20000; ++step) {
        const std::uint32_t page = ((random() % 6) * 0x33333 + random() % 40) % kLinearPages;
        if (model.count(page)) {
            t.erase(page);
            model.erase(page);
        } else {
            std::uint32_t flags = 0;
            for (const std::uint32_t f : kFlags)
                if (random() % 2) flags |= f;
            const std::uint32_t target = random() % 8;
            t.insert(page, target, flags);
            model[page] = target << kPageShift | flags | MappedPage::kPresent;
        }
        if (step % 100) continue;
        std::map<std::uint32_t, unsigned> count, supervisor, local, pads, large;
        std::map<std::uint32_t, std::size_t> of_target;
        for (const auto& [p, bits] : model) {
            REQUIRE(t.pages.at(p).bits == bits);
            const std::uint32_t r = p / kPagesPerRegion;
            ++count[r];
            supervisor[r] += (bits & MappedPage::kSupervisor) != 0;
            local[r] += (bits & MappedPage::kGlobal) == 0;
            pads[r] += (bits & MappedPage::kPad) != 0;
            large[r] += (bits & MappedPage::kLarge) != 0;
            ++of_target[bits >> kPageShift];
        }
        REQUIRE(t.pages.total() == model.size());
        Pages regions, locals;
        for (const auto& [r, n] : count) {
            regions.push_back(r);
            if (local[r]) locals.push_back(r);
            REQUIRE(t.pages.count(r) == n);
            REQUIRE(t.pages.supervisor(r) == supervisor[r]);
            REQUIRE(t.pages.local(r) == local[r]);
            REQUIRE(t.pages.large(r) == large[r]);
            REQUIRE(t.in_region(r).size() == n);
        }
        REQUIRE(t.regions() == regions);
        REQUIRE(t.local_regions() == locals);
        for (std::uint32_t target = 0; target < 8; ++target)
            REQUIRE(t.aliases(target).size() == of_target[target]);
    }
}
