#include "tests/traps/paging_machine.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {
/// User pages 32 to 47 in frames that lie apart, seen as a user who touches one after the other sees them.
struct Sweep : PagingMachine {
    static constexpr std::uint32_t kFirst = 32, kEnd = 48;
    Sweep() {
        for (std::uint32_t page = kFirst; page < kEnd; ++page) map(page, kWritable);
        pages.flush_changed();
        become(3);
        cpu.eip = kCodeAt;
        resume();
    }
    void map(std::uint32_t page, std::uint32_t bits) {
        grant(page << kPageShift, (0x80 + (page - kFirst) * 2) << kPageShift, bits);
    }
    bool mapped(std::uint32_t page) const { return pages.data_present(gva(page << kPageShift)); }
    /// Hidden faults of reads, or writes, from page to page.
    unsigned sweep(bool write) {
        const std::uint64_t before = traps(TrapCause::hidden_fault);
        for (std::uint32_t page = kFirst; page < kEnd; ++page)
            if (write ? !writable(page << kPageShift) : !mapped(page)) {
                const std::uint32_t at = (page << kPageShift) + pages.data_shift();
                dispatcher.handle({static_cast<std::uint8_t>(Vector::PF), write ? 2u : 0u, at});
            }
        return static_cast<unsigned>(traps(TrapCause::hidden_fault) - before);
    }
};
}  // namespace

TEST_CASE("a program that goes from page to page gets more and more of them ahead") {
    Sweep t;
    const bool write = GENERATE(false, true);
    SECTION("one, three, seven") {
        CHECK(t.sweep(write) == 5);  // pages 32; 33, 34; 35 to 38; 39 to 46; 47
        for (std::uint32_t page = t.kFirst; page < t.kEnd; ++page) CHECK(t.mapped(page));
    }
    SECTION("none with the switch off") {
        t.policy.tuning.ahead = 0;
        CHECK(t.sweep(write) == t.kEnd - t.kFirst);
    }
    SECTION("none for who goes elsewhere") {
        for (const std::uint32_t page : {32u, 40u, 35u, 46u})
            t.dispatcher.handle(
                {static_cast<std::uint8_t>(Vector::PF), 0, (page << kPageShift) + t.pages.data_shift()});
        CHECK(t.traps(TrapCause::hidden_fault) == 4);
        for (const std::uint32_t page : {33u, 36u, 41u, 47u}) CHECK_FALSE(t.mapped(page));
    }
}

TEST_CASE("what is mapped ahead was accessed before, and written if it is for writing") {
    Sweep t;
    t.map(36, t.kWritable & ~static_cast<std::uint32_t>(pte::A));
    t.map(42, t.kWritable & ~static_cast<std::uint32_t>(pte::D));
    for (const std::uint32_t page : {32u, 33u, 35u})
        t.dispatcher.handle(
            {static_cast<std::uint8_t>(Vector::PF), 2, (page << kPageShift) + t.pages.data_shift()});
    CHECK(t.mapped(34));
    CHECK(t.mapped(35));
    CHECK_FALSE(t.mapped(36));
    CHECK((t.get32(t.kTable + 36 * 4) & pte::A) == 0);
    for (const std::uint32_t page : {36u, 37u, 38u})
        t.dispatcher.handle(
            {static_cast<std::uint8_t>(Vector::PF), 2, (page << kPageShift) + t.pages.data_shift()});
    CHECK_FALSE(t.mapped(42));
    CHECK((t.get32(t.kTable + 42 * 4) & pte::D) == 0);
}
