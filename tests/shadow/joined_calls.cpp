#include "shadow/joined_calls.hpp"

#include "tests/shadow/shadow_world.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {
constexpr std::uint32_t kText = 0x08048000;

/// Text of four pages, in frames that lie apart, that is executed here and there.
void execute_text(ShadowWorld& w) {
    for (std::uint32_t i = 0; i < 4; ++i) {
        w.map(kText + i * kPageSize, 50 + 7 * i, pte::US);
        REQUIRE(w.execute(kText + i * kPageSize));
    }
}
bool shown(ShadowWorld& w, std::uint32_t i) {
    return w.code_at(kText + i * kPageSize).kind == HostPage::view;
}
}  // namespace

TEST_CASE("pages are unmapped in one call, and views mapped in one, in whatever order neighbours come") {
    RecordedHost host;
    std::uint64_t calls = 0;
    const bool joins = GENERATE(true, false);
    JoinedCalls joined(host, calls, joins);
    for (const std::uint32_t page : {0x403u, 0x404u, 0x402u})
        joined.map_view(gva(page << kPageShift), 100 + page - 0x402, 1);
    if (joins) CHECK(host.mapped() == 0);
    CHECK_FALSE(joined.waits());
    joined.finish();
    CHECK(calls == (joins ? 1 : 3));
    CHECK(host.mapped() == 3);
    CHECK(host.at(0x402).index == 100);
    CHECK(host.at(0x404).index == 102);

    for (const std::uint32_t page : {0x404u, 0x403u, 0x402u})
        joined.unmap(gva(page << kPageShift), kPageSize);
    CHECK(joined.waits() == joins);
    // What is asked for in between finds everything done.
    joined.map_view(gva(0x405 << kPageShift), 7, 1);
    CHECK(calls == (joins ? 2 : 7));
    joined.map_view(gva(0x406 << kPageShift), 9, 1);  // another slot than the next
    joined.finish();
    CHECK(calls == (joins ? 4 : 8));
    CHECK(host.mapped() == 2);
    CHECK(host.error == "");
}

TEST_CASE("code that others have executed is mapped with its neighbour, in the same call") {
    ShadowLimits limits;
    if (GENERATE(false, true)) limits.fault_around = 1;
    const unsigned around = limits.fault_around;
    ShadowWorld w(true, limits);
    w.cpu.cpl = 3;
    execute_text(w);
    w.cpu.cr3 = ShadowWorld::kOtherDirectory;
    w.shadow.flush_changed();
    for (std::uint32_t i = 0; i < 4; ++i) w.map(kText + i * kPageSize, 50 + 7 * i, pte::US);
    w.map(kText + 4 * kPageSize, 90, pte::US);  // nobody has executed it
    w.pte_of(kText) &= ~static_cast<std::uint32_t>(pte::A);
    w.shadow.finish_calls();
    REQUIRE_FALSE(shown(w, 2));
    REQUIRE(w.execute(kText + 2 * kPageSize));
    w.shadow.map_views_around(gva(kText + 2 * kPageSize));
    CHECK(shown(w, 2));
    CHECK(shown(w, 1) == (around > 1));
    CHECK(shown(w, 3) == (around > 1));
    CHECK_FALSE(shown(w, 0));  // not accessed here
    CHECK((w.pte_of(kText) & pte::A) == 0);
    CHECK_FALSE(shown(w, 4));
    CHECK(w.inconsistency() == "");
}

TEST_CASE("views of neighbouring pages lie side by side") {
    ShadowWorld w;
    w.cpu.cpl = 3;
    execute_text(w);
    const int first = w.views.slot_of(50);
    for (int i = 1; i < 4; ++i) CHECK(w.views.slot_of(static_cast<std::uint32_t>(50 + 7 * i)) == first + i);
}
