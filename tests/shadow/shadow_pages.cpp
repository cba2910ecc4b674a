#include "shadow/shadow_pages.hpp"

#include <catch2/catch.hpp>

#include "tests/shadow/shadow_world.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {

constexpr std::uint32_t P = pte::P, RW = pte::RW, US = pte::US, A = pte::A, D = pte::D, PS = pte::PS,
                        G = pte::G;

}  // namespace

TEST_CASE("data lies S below its address, code at its own") {
    ShadowWorld w;
    w.map(0xC0100000, 40, RW);
    REQUIRE(w.touch(0xC0100123));
    REQUIRE(w.execute(0xC0100123));
    CHECK(w.host.at(gva(0xC0100000 + w.shadow.data_shift())) == HostPage{HostPage::ram, false, false, 40});
    CHECK(w.host.at(gva(0xC0100000)).kind == HostPage::view);
    CHECK(w.shadow.data_address(0xC0100123 + w.shadow.data_shift()) == gva(0xC0100123));
}

TEST_CASE("where users run from RAM, a page with a breakpoint is not executable as long as it is there") {
    ShadowWorld w(true, {.executable_data = true});
    for (std::uint32_t i = 0; i < 4; ++i) w.map(0x400000 + i * kPageSize, 40 + i, US);
    const auto run = [&](std::uint32_t address) {
        const auto t = walk(w.cpu, w.ram.get(), ShadowWorld::kRam, gva(address), Access::execute(true), true);
        REQUIRE(t);
        REQUIRE(w.shadow.map_data(gva(address), t.value(), Access::execute(true)) ==
                ShadowPages::DataFault::mapped);
    };
    for (std::uint32_t i = 0; i < 4; ++i) run(0x400000 + i * kPageSize);
    CHECK(w.data_at(0x401000).executable);
    DebugPoints points;
    points.breakpoints = 1;
    points.breakpoint[0] = 0x401FFF;
    w.shadow.set_points(points);
    CHECK(w.data_at(0x401000).kind == HostPage::none);
    CHECK(w.shadow.breaks_in_data(0x401));
    CHECK_FALSE(w.shadow.breaks_in_data(0x402));
    SECTION("whether it is mapped for its own sake") {
        run(0x401000);
    }
    SECTION("or with its neighbours") {
        w.shadow.flush_all();
        run(0x402000);
        run(0x401000);
    }
    CHECK_FALSE(w.data_at(0x401000).executable);
    CHECK(w.data_at(0x402000).executable);
    w.shadow.set_points(DebugPoints{});
    CHECK(w.data_at(0x401000).kind == HostPage::none);
    run(0x401000);
    CHECK(w.data_at(0x401000).executable);
}

TEST_CASE("where users run from RAM, a page is writable or executable, by turns") {
    ShadowWorld w(true, {.executable_data = true});
    w.map(0x400000, 40, US | RW | D);
    w.map(0x401000, 41, US | RW | D);
    for (int round = 0; round < 3; ++round) {
        for (const Access access : {Access::execute(true), Access::store(true), Access::read(true)}) {
            const auto t = walk(w.cpu, w.ram.get(), ShadowWorld::kRam, gva(0x400000), access, true);
            REQUIRE(t);
            REQUIRE(w.shadow.map_data(gva(0x400000), t.value(), access) == ShadowPages::DataFault::mapped);
            CHECK(w.data_at(0x400000).executable == access.fetch);
            CHECK(w.data_at(0x400000).writable == !access.fetch);
        }
    }
}

TEST_CASE("a page becomes writable with the write that sets Dirty, not before") {
    ShadowWorld w;
    w.map(0xC0100000, 40, RW);
    REQUIRE(w.touch(0xC0100000));
    CHECK_FALSE(w.data_at(0xC0100000).writable);
    CHECK_FALSE(w.pte_of(0xC0100000) & D);
    REQUIRE(w.touch(0xC0100000, true));
    CHECK(w.data_at(0xC0100000).writable);
    CHECK(w.pte_of(0xC0100000) & D);

    w.pte_of(0xC0100000) &= ~D;
    w.shadow.invalidate(gva(0xC0100000));
    CHECK_FALSE(w.data_at(0xC0100000).writable);
    REQUIRE(w.touch(0xC0100000, true));
    CHECK(w.data_at(0xC0100000).writable);
    CHECK(w.pte_of(0xC0100000) & D);
}

TEST_CASE("a fault maps the neighbours that continue the run with the same rights and were used before") {
    ShadowWorld w;
    for (std::uint32_t i = 0; i < 32; ++i) w.map(0xC0100000 + i * kPageSize, 40 + i, RW | D);
    SECTION("up to the block of 16") {
        REQUIRE(w.touch(0xC0105000));
        CHECK(w.host.mapped() == 16);
        CHECK(w.host.mappings() == 1);
        CHECK(w.data_at(0xC0100000).index == 40);
        CHECK(w.host.populated == 0);
    }
    SECTION("but not past a page that is not Accessed, not Dirty, another's, or not there") {
        w.pte_of(0xC0103000) &= ~A;
        w.pte_of(0xC0108000) &= ~D;
        REQUIRE(w.touch(0xC0105000));
        CHECK(w.host.mapped() == 4);
        w.pte_of(0xC0103000) |= A;
        w.pte_of(0xC0108000) |= US | D;
        w.pte_of(0xC0101000) = 0;
        w.shadow.flush_all();
        REQUIRE(w.touch(0xC0105000));
        CHECK(w.host.mapped() == 6);
    }
    SECTION("and not past one that runs on elsewhere, or beyond the end of RAM") {
        w.map(0xC0106000, 99, RW | D);
        w.map(0xC0107000, ShadowWorld::kFrames - 1, RW | D);
        w.map(0xC0108000, ShadowWorld::kFrames, RW | D);
        REQUIRE(w.touch(0xC0105000));
        CHECK(w.host.mapped() == 6);
        REQUIRE(w.touch(0xC0107000));
        CHECK(w.host.mapped() == 7);
    }
    CHECK(w.inconsistency() == "");
}

TEST_CASE("neighbours that a fault maps lie in its own region, whatever their number") {
    for (const std::uint32_t around : {0u, 1u, 24u, 3000u}) {
        CAPTURE(around);
        ShadowWorld w(true, {.fault_around = around});
        const std::uint32_t first = 0x083FE000, next_region = 0x08400000;
        for (std::uint32_t i = 0; i < 4; ++i) w.map(first + i * kPageSize, 40 + i, RW | D | US);
        REQUIRE(w.touch(first, true));
        CHECK((w.data_at(first + kPageSize).kind == HostPage::ram) == (around > 1));
        CHECK(w.data_at(next_region).kind == HostPage::none);
        CHECK(w.inconsistency() == "");
    }
}

TEST_CASE("runs of pages end at 4 GiB, for data and on the host") {
    ShadowWorld w;
    for (std::uint32_t i = 0; i < 16; ++i) {
        w.map(0xFFFF0000 + i * kPageSize, 40 + i, RW | D | US);
        w.map(i * kPageSize, 60 + i, RW | D | US);
    }
    for (std::uint32_t s = 0; s < 8; ++s) {
        // The last and the first region on the host, too, whatever S is by now.
        const std::uint32_t edge = 0u - w.shadow.data_shift() - 16 * kPageSize;
        for (std::uint32_t i = 0; i < 32; ++i) w.map(edge + i * kPageSize, 80 + i, RW | D | US);
        for (const std::uint32_t at : {0xFFFFF000u, 0u, edge, edge + 16 * kPageSize})
            REQUIRE(w.touch(at, true));
        REQUIRE(w.execute(0xFFFFF000));
        REQUIRE(w.inconsistency() == "");
        for (std::uint32_t i = 0; i < 32; ++i) w.pte_of(edge + i * kPageSize) &= ~A;
        for (std::uint32_t i = 0; i < 16; ++i)
            w.pte_of(i * kPageSize) &= ~A, w.pte_of(0xFFFF0000 + i * kPageSize) &= ~A;
        w.shadow.flush_changed();
        REQUIRE(w.inconsistency() == "");
        REQUIRE(w.host.mapped() == 0);
        for (std::uint32_t i = 0; i < 16; ++i)
            w.pte_of(i * kPageSize) |= A, w.pte_of(0xFFFF0000 + i * kPageSize) |= A;
    }
}

TEST_CASE("invlpg takes away all of a 4 MiB page, whichever of its addresses it names") {
    ShadowWorld w;
    w.pde(0xC0000000) = P | RW | PS | A | D;
    REQUIRE(w.touch(0xC0105000));
    REQUIRE(w.data_at(0xC0105000).kind == HostPage::ram);
    w.pde(0xC0000000) = 0;
    w.shadow.invalidate(gva(0xC0000000));
    CHECK(w.data_at(0xC0105000).kind == HostPage::none);
    CHECK(w.inconsistency() == "");
}

TEST_CASE("a CR3 load keeps global pages and those that the new tables map alike") {
    ShadowWorld w;
    w.map(0x08048000, 40, US);
    w.map(0x08049000, 50, US);
    w.map(0xC0100000, 60, G);
    for (const std::uint32_t at : {0x08048000u, 0x08049000u, 0xC0100000u}) REQUIRE(w.touch(at));
    w.pte_of(0x08049000) = 51 << kPageShift | US | P | A;
    w.pte_of(0xC0100000) = 0;
    w.shadow.flush_changed();
    CHECK(w.data_at(0x08048000).kind == HostPage::ram);
    CHECK(w.data_at(0x08049000).kind == HostPage::none);
    CHECK(w.data_at(0xC0100000).kind == HostPage::ram);
}

TEST_CASE(
    "pages of users behind a boundary are checked when user code runs or the kernel asks, code at once") {
    ShadowWorld w;
    w.map(0x08048000, 40, RW | US | D);
    w.map(0x08049000, 41, US);
    w.map(0xC0100000, 50, RW | D);
    for (auto& segment : w.cpu.seg) segment = {0x10, 0xC093, 0, 0xFFFFFFFF};
    const auto run_user = [&] {
        REQUIRE(w.touch(0xC0100000));
        w.cpu.cpl = 3;
        w.shadow.enter_user();
        REQUIRE(w.touch(0x08048000, true));
        REQUIRE(w.execute(0x08049000));
        w.shadow.enter_user();
        w.cpu.cpl = 0;
    };
    run_user();
    REQUIRE(w.shadow.user_boundary() <= 0xC0100000);

    w.cpu.cr3 = ShadowWorld::kOtherDirectory;  // empty
    w.shadow.flush_changed();
    CHECK(w.shadow.kernel_floor() == w.shadow.user_boundary());
    CHECK(w.data_at(0x08048000).kind == HostPage::ram);
    CHECK(w.code_at(0x08049000).kind == HostPage::none);
    CHECK(w.data_at(0xC0100000).kind == HostPage::none);
    w.cpu.cr3 = ShadowWorld::kDirectory;
    w.shadow.flush_changed();
    w.cpu.cpl = 3;
    w.shadow.enter_user();
    CHECK(w.shadow.kernel_floor() == 0);
    CHECK(w.data_at(0x08048000).kind == HostPage::ram);

    w.cpu.cpl = 0;
    run_user();
    w.cpu.cr3 = ShadowWorld::kOtherDirectory;
    w.shadow.flush_changed();
    w.shadow.check_users();
    CHECK(w.shadow.kernel_floor() == 0);
    CHECK(w.data_at(0x08048000).kind == HostPage::none);

    // A segment that cannot be clipped leaves nothing for later.
    w.cpu.cr3 = ShadowWorld::kDirectory;
    run_user();
    w.cpu.segment(Seg::fs).base = 0x10000;
    w.cpu.cr3 = ShadowWorld::kOtherDirectory;
    w.shadow.flush_changed();
    CHECK(w.shadow.kernel_floor() == 0);
    CHECK(w.data_at(0x08048000).kind == HostPage::none);
}

TEST_CASE("a view of 32-bit code is neither mapped for a 16-bit segment nor kept for one") {
    ShadowWorld w;
    w.map(0xC0100000, 40, 0);
    w.map(0xC0101000, 41, 0);
    REQUIRE(w.execute(0xC0100000));
    REQUIRE(w.execute(0xC0101000));
    w.views.set_proven(static_cast<unsigned>(w.views.slot_of(40)), 8);
    w.shadow.set_code_size(true);
    CHECK(w.code_at(0xC0100000).kind == HostPage::none);
    CHECK(w.code_at(0xC0101000).kind == HostPage::none);
    REQUIRE(w.execute(0xC0100000));
    CHECK_FALSE(w.views.proven(static_cast<unsigned>(w.views.slot_of(40)), 8));
    const int other = w.views.slot_of(41);
    w.shadow.set_code_size(false);
    CHECK(w.code_at(0xC0100000).kind == HostPage::none);
    REQUIRE(w.execute(0xC0101000));  // not touched by the other size: as it was
    CHECK(w.views.slot_of(41) == other);
    CHECK(w.inconsistency() == "");
}

TEST_CASE("a page that is executed is read-only under all of its addresses, and written it loses its view") {
    ShadowWorld w;
    for (const std::uint32_t at : {0x08048000u, 0xC0100000u, 0xC0500000u}) w.map(at, 40, RW | D);
    REQUIRE(w.touch(0x08048000, true));
    REQUIRE(w.touch(0xC0100000, true));
    REQUIRE(w.execute(0xC0100000));
    REQUIRE(w.execute(0xC0500000));
    CHECK_FALSE(w.data_at(0x08048000).writable);
    CHECK_FALSE(w.data_at(0xC0100000).writable);
    REQUIRE(w.touch(0xC0500000));
    CHECK_FALSE(w.data_at(0xC0500000).writable);

    REQUIRE(w.touch(0x08048000, true));
    CHECK(w.last == ShadowPages::DataFault::code_write);
    CHECK(w.data_at(0x08048000).writable);
    CHECK(w.code_at(0xC0100000).kind == HostPage::none);
    CHECK(w.code_at(0xC0500000).kind == HostPage::none);
    CHECK(w.views.slot_of(40) == -1);
    CHECK(w.inconsistency() == "");
}

TEST_CASE("at CPL 3 a boundary fences the kernel off, or its pages are gone") {
    ShadowWorld w;
    w.map(0x08048000, 40, RW | US);
    w.map(0xC0100000, 50, RW);
    REQUIRE(w.touch(0x08048000));
    REQUIRE(w.touch(0xC0100000));
    REQUIRE(w.execute(0xC0100000));
    w.cpu.cpl = 3;
    w.shadow.enter_user();
    CHECK(w.shadow.user_boundary() > 0x08048000);
    CHECK(w.shadow.user_boundary() <= 0xC0100000);
    CHECK(w.data_at(0xC0100000).kind == HostPage::ram);

    w.map(0xD0000000, 60, RW | US);
    REQUIRE(w.touch(0xD0000000));
    w.shadow.enter_user();
    REQUIRE(w.touch(0xD0000000));  // S may have moved
    w.shadow.enter_user();
    CHECK(w.shadow.user_boundary() > 0xD0000000);
    CHECK(w.data_at(0xC0100000).kind == HostPage::none);
    CHECK(w.code_at(0xC0100000).kind == HostPage::none);
    CHECK(w.data_at(0xD0000000).kind == HostPage::ram);
}

TEST_CASE("with CR0.WP clear, what only the kernel may write is gone before CPL 3 runs") {
    ShadowWorld w;
    w.cpu.cr0 &= ~cr0::WP;
    w.map(0x08048000, 40, US);
    w.map(0x08049000, 50, US);
    REQUIRE(w.touch(0x08048000, true));
    REQUIRE(w.touch(0x08049000));
    w.cpu.cpl = 3;
    w.shadow.enter_user();
    CHECK(w.data_at(0x08048000).kind == HostPage::none);
    REQUIRE(w.touch(0x08048000));
    CHECK_FALSE(w.data_at(0x08048000).writable);
    CHECK_FALSE(w.touch(0x08048000, true));
}

TEST_CASE("the host's limit of mappings holds, even when flushes leave holes in runs") {
    ShadowLimits limits;
    limits.mapping_limit = 300;
    ShadowWorld w(true, limits);
    for (unsigned run = 0; run < 100; ++run) {
        const std::uint32_t at = 0xC0000000 + run * 16 * kPageSize;
        for (std::uint32_t i = 0; i < 16; ++i) w.map(at + i * kPageSize, 40 + i + 16 * (run % 24), RW | D);
        REQUIRE(w.touch(at, true));
        for (std::uint32_t i = 1; i < 16; i += 2) {
            w.pte_of(at + i * kPageSize) &= ~P;
            w.shadow.invalidate(gva(at + i * kPageSize));
        }
        INFO("run " << run);
        REQUIRE(w.host.mappings() + w.host.anchors() <= limits.mapping_limit);
    }
    CHECK(w.shadow.counters().recycled > 0);
}

TEST_CASE(
    "a region keeps a mapping of no use when its last page goes, so that the host keeps its page tables") {
    ShadowWorld w;
    const std::uint32_t at = 0x08048000, other = 0x083FF000;
    const auto middle = [&] { return w.shadow.data_shift() + 0x081FF000; };
    const auto anchored = [&] {
        w.shadow.finish_calls();
        return w.host.anchored(middle() >> kPageShift);
    };
    w.map(at, 40, RW | D | US);
    w.map(other, 41, RW | D | US);
    REQUIRE(w.touch(at, true));
    REQUIRE(anchored());
    const unsigned calls = w.host.calls;
    REQUIRE(w.touch(other, true));
    CHECK(w.host.calls == calls + 1);
    SECTION("pages on both sides of it are unmapped") {
        for (const std::uint32_t page : {at, other}) w.pte_of(page) = 0;
        w.shadow.flush_changed();
        w.shadow.check_users();
        CHECK(anchored());
        CHECK(w.host.anchored((middle() >> kPageShift) + 1));
    }
    SECTION("the guest has a page there, and unmaps it again") {
        w.map(0x08200000, 42, RW | D | US);
        REQUIRE(w.touch(0x08200000, true));
        w.pte_of(0x08200000) = 0;
        w.shadow.invalidate(gva(0x08200000));
        CHECK(w.touch(0x08200000, true) == false);
        w.map(0x08049000, 43, RW | D | US);
        REQUIRE(w.touch(0x08049000, true));
        CHECK(w.host.anchored((middle() >> kPageShift) + 1));
    }
    SECTION("everything is forgotten") {
        w.shadow.flush_all();
        CHECK_FALSE(anchored());
        REQUIRE(w.touch(at, true));
        CHECK(anchored());
    }
    CHECK(w.host.error == "");
}

/// Four neighbours in scattered frames, 40, 43, 46 and 49, mapped and written.
static void write_four(ShadowWorld& w, std::uint32_t at) {
    for (std::uint32_t i = 0; i < 4; ++i) {
        w.map(at + i * kPageSize, 40 + i * 3, RW | D | US);
        REQUIRE(w.touch(at + i * kPageSize, true));
    }
}

TEST_CASE("pages that are flushed one by one leave the host together, before anything else is mapped") {
    ShadowWorld w;
    const std::uint32_t at = 0x08100000;
    write_four(w, at);
    const unsigned calls = w.host.calls;
    for (const std::uint32_t i : {1, 2, 3, 0}) {
        w.pte_of(at + i * kPageSize) = 0;
        w.shadow.invalidate(gva(at + i * kPageSize));
    }
    SECTION("when the guest runs") {
        w.shadow.finish_calls();
        CHECK(w.host.calls == calls + 1);
        w.shadow.finish_calls();
        CHECK(w.host.calls == calls + 1);
    }
    SECTION("when one of them comes back") {
        w.map(at, 60, RW | D | US);
        REQUIRE(w.touch(at, true));
        CHECK(w.host.calls == calls + 2);
        CHECK(w.data_at(at).index == 60);
    }
    for (std::uint32_t i = 1; i < 4; ++i) CHECK(w.data_at(at + i * kPageSize).kind == HostPage::none);
    CHECK(w.inconsistency() == "");
}

TEST_CASE(
    "invlpg of a page that may be written now has it writable, but not before the write that sets Dirty") {
    ShadowWorld w;
    const std::uint32_t at = 0x08100000;
    for (const bool dirty : {true, false}) {
        CAPTURE(dirty);
        w.map(at, 40, US | (dirty ? D : 0u));
        w.shadow.invalidate(gva(at));
        REQUIRE(w.touch(at));
        w.pte_of(at) |= RW;
        CHECK_FALSE(w.data_at(at).writable);
        w.shadow.invalidate(gva(at));
        CHECK(w.data_at(at).writable == dirty);
        CHECK(w.inconsistency() == "");
    }
    w.map(at, 40, US | D);
    w.shadow.invalidate(gva(at));
    REQUIRE(w.execute(at));  // a view of it: every mapping is read-only
    w.pte_of(at) |= RW;
    w.shadow.invalidate(gva(at));
    CHECK_FALSE(w.data_at(at).writable);
    CHECK(w.inconsistency() == "");
}

TEST_CASE("pages that a flush finds read-only are made so together, and writable again where they are") {
    ShadowWorld w;
    const std::uint32_t at = 0x08100000;
    write_four(w, at);
    for (std::uint32_t i = 0; i < 4; ++i) w.pte_of(at + i * kPageSize) &= ~RW;
    w.pte_of(at + 3 * kPageSize) &= ~A;  // its next use must set Accessed
    unsigned calls = w.host.calls;
    w.shadow.flush_changed();
    w.shadow.finish_calls();
    CHECK(w.host.calls == calls + 2);
    for (std::uint32_t i = 0; i < 3; ++i) {
        CHECK(w.data_at(at + i * kPageSize).index == 40 + i * 3);
        CHECK_FALSE(w.data_at(at + i * kPageSize).writable);
    }
    CHECK(w.data_at(at + 3 * kPageSize).kind == HostPage::none);
    CHECK(w.inconsistency() == "");
    w.pte_of(at) |= RW;
    w.pte_of(at + kPageSize) = 60u << kPageShift | P | RW | US | A | D;
    calls = w.host.calls;
    for (const std::uint32_t page : {at, at + kPageSize}) {
        REQUIRE(w.touch(page, true));
        CHECK(w.data_at(page).writable);
    }
    CHECK(w.data_at(at + kPageSize).index == 60);
    CHECK(w.host.calls == calls + 2);
    CHECK(w.inconsistency() == "");
}

TEST_CASE("an instruction that runs on into the next page is cut when that page becomes another") {
    ShadowWorld w;
    const std::uint32_t at = 0xC0100000, behind = at + kPageSize;
    w.map(at, 40, 0);
    w.map(behind, 41, 0);
    REQUIRE(w.execute(at));
    REQUIRE(w.execute(behind));
    const auto slot = static_cast<unsigned>(w.views.slot_of(40)),
               next = static_cast<unsigned>(w.views.slot_of(41));
    const std::uint8_t mov[] = {0xB8, 1, 2, 3, 4};  // three bytes here, two in the next page
    std::memcpy(w.views.bytes(slot) + kPageSize - 3, mov, 3);
    std::memcpy(w.views.bytes(next), mov + 3, 2);
    w.views.set_proven(slot, kPageSize - 3);
    w.views.set_copied(slot, kPageSize - 3);
    w.views.join(slot, kPageSize - 3, next);
    REQUIRE(w.inconsistency() == "");

    w.map(behind, 42, 0);
    SECTION("and it is executed first") {
        w.shadow.invalidate(gva(behind));
        REQUIRE(w.execute(behind));
    }
    SECTION("and the first page is mapped anew") {
        w.shadow.invalidate(gva(behind));
        w.pte_of(at) |= US;
        w.shadow.invalidate(gva(at));
        REQUIRE(w.execute(at));
    }
    SECTION("at another address of the first page") {
        w.map(0xD0000000, 40, 0);
        w.map(0xD0001000, 43, 0);
        REQUIRE(w.execute(0xD0001000));
        REQUIRE(w.execute(0xD0000000));
    }
    CHECK_FALSE(w.views.copied(slot, kPageSize - 3));
    CHECK(w.views.bytes(slot)[kPageSize - 3] == kInt3);
    CHECK(w.inconsistency() == "");
}

TEST_CASE("a page that a view cannot be mapped at leaves code to the interpreter and data to S") {
    ShadowLimits limits;
    limits.low_floor = 65536;
    ShadowWorld w(true, limits);
    w.map(0, 40, RW | US);
    CHECK_FALSE(w.execute(0x100));
    REQUIRE(w.touch(0x100));
    CHECK(w.last == ShadowPages::DataFault::mapped);
    CHECK(w.inconsistency() == "");
}
