#include "shadow/working_sets.hpp"

#include <catch2/catch.hpp>

#include "tests/shadow/shadow_world.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {
constexpr std::uint32_t RW = pte::RW, US = pte::US, A = pte::A, D = pte::D, G = pte::G;

/// As a scheduler does it: CR3, then back to user code.
void switch_to(ShadowWorld& w, std::uint32_t cr3) {
    w.cpu.cpl = 0;
    w.cpu.cr3 = cr3;
    w.shadow.flush_changed();
    w.cpu.cpl = 3;
    w.shadow.enter_user();
}
}  // namespace

TEST_CASE("what an address space used is mapped together when the guest comes back to it") {
    ShadowWorld w;
    const std::uint32_t kernel = 0xC0000000, stack = 0xBFFFF000, heap = 0x08100000, other = 0x08200000;
    const std::uint32_t spaces[] = {ShadowWorld::kDirectory, ShadowWorld::kOtherDirectory};
    for (unsigned n = 0; n < 2; ++n) {
        w.cpu.cr3 = spaces[n];
        w.map(kernel, 40, RW | D | G);
        w.map(stack, 50 + n, RW | D | US);
        w.map(heap, 60 + n, RW | D | US);
        w.map(other, 70 + n, RW | D | US);
    }
    REQUIRE(w.touch(kernel, true));
    const auto enter = [&](unsigned n) { switch_to(w, spaces[n]); };
    const auto holds = [&](std::uint32_t address, std::uint32_t frame) {
        return w.data_at(address).kind == HostPage::ram && w.data_at(address).index == frame;
    };
    const auto absent = [&](std::uint32_t address) { return w.data_at(address).kind == HostPage::none; };
    for (unsigned n = 0; n < 40; ++n) {  // now it is a while until they are learnt anew
        enter(n % 2);
        for (const std::uint32_t page : {stack, heap})
            if (absent(page)) REQUIRE(w.touch(page, true));
    }
    enter(0);
    CHECK(holds(stack, 50));
    CHECK(holds(heap, 60));
    CHECK(w.data_at(stack).writable);
    CHECK(absent(other));
    CHECK(w.inconsistency() == "");
    const unsigned calls = w.host.calls;
    SECTION("one call for each, since the other's lie at the same addresses") {
        enter(1);
        CHECK(w.host.calls == calls + 2);
    }
    SECTION("not what the tables grant no more, or have not seen used, or not written") {
        w.cpu.cr3 = spaces[1];
        w.pte_of(stack) &= ~static_cast<std::uint32_t>(A);
        w.pte_of(heap) &= ~static_cast<std::uint32_t>(D);
        enter(1);
        CHECK(absent(stack));
        CHECK(holds(heap, 61));
        CHECK_FALSE(w.data_at(heap).writable);
        CHECK((w.pte_of(stack) & A) == 0);
        w.pte_of(heap) = 0;
        enter(0);
        enter(1);
        CHECK(absent(heap));
    }
    SECTION("what is not used any more is forgotten") {
        for (unsigned n = 0; n < 100; ++n) enter(n % 2);
        CHECK(absent(stack));
        CHECK(absent(heap));
    }
    CHECK(w.inconsistency() == "");
    CHECK(w.host.error == "");
}

TEST_CASE("code that only one address space has is mapped with its working set, if it still has a view") {
    ShadowWorld w;
    const std::uint32_t text = 0x08048000;
    const std::uint32_t spaces[] = {ShadowWorld::kDirectory, ShadowWorld::kOtherDirectory};
    for (const std::uint32_t cr3 : spaces) {
        w.cpu.cr3 = cr3;
        w.map(0xC0000000, 40, RW | D | G);
    }
    w.cpu.cr3 = spaces[0];
    w.map(text, 50, US);
    REQUIRE(w.touch(0xC0000000, true));
    const auto enter = [&](unsigned n) { switch_to(w, spaces[n]); };
    for (unsigned n = 0; n < 20; ++n) {
        enter(1);
        REQUIRE(w.code_at(text).kind == HostPage::none);
        enter(0);
        if (w.code_at(text).kind == HostPage::none) REQUIRE(w.execute(text));
    }
    enter(1);
    const bool dropped = GENERATE(false, true);
    if (dropped) w.shadow.drop_view(50);
    enter(0);
    CHECK(w.code_at(text).kind == (dropped ? HostPage::none : HostPage::view));
    CHECK(w.inconsistency() == "");
    CHECK(w.host.error == "");
}
