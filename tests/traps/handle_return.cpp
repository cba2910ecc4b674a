#include <algorithm>

#include "tests/traps/trap_machine.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {

/// Pages 0 to 63 are the users', the kernel has all of RAM at 2 GiB.  Its page fault handler is an
/// instruction that software does not know and an iret with a gate; the test does to the page tables what a
/// handler would.
struct PagingMachine : TrapMachine {
    static constexpr std::uint32_t kDirectory = 0x30000, kTable = 0x31000, kKernel = 0x80000000;
    static constexpr std::uint32_t kEntry = kKernel + kHandler, kIret = kEntry + 3;
    static constexpr std::uint32_t kPage = 0x14000, kOther = 0x24000, kMore = 0x3C000;
    static constexpr std::uint32_t kReadable = pte::P | pte::US | pte::A,
                                   kWritable = kReadable | pte::RW | pte::D;

    PagingMachine() {
        for (std::uint32_t page = 0; page < 64; ++page) grant(page << kPageShift, kWritable);
        for (const std::uint32_t page : {kPage, kOther, kMore}) grant(page, 0);
        put32(kDirectory, kTable | kWritable);
        put32(kDirectory + kKernel / 0x100000, pte::P | pte::RW | pte::PS | pte::A | pte::D);
        cpu.cr4 |= cr4::PSE | cr4::OSFXSR;
        cpu.cr3 = kDirectory;
        cpu.cr0 |= cr0::PG | cr0::WP;
        pages.flush_all();
        idt(14, kCode0, kEntry, 0x8E);
        const unsigned handler[] = {0x0F, 0x11, 0x02, 0xCF};  // movups %xmm0,(%edx); iret
        std::copy(std::begin(handler), std::end(handler), storage.get() + kHandler);
        // 1: mov %al,(%ebx); mov %al,(%ecx); cpuid; movups %xmm0,(%edx); jmp 1b
        code({0x88, 0x03, 0x88, 0x01, 0x0F, 0xA2, 0x0F, 0x11, 0x02, 0xEB, 0xF5});
        policy.level = SensitiveLevel::inline_;
        pages.enable_gates(0x1234'5678'9ABCull);
        for (unsigned n = 0; n < policy.tuning.hot; ++n) {
            become(0);
            cpu.reg(Gpr::esp) -= 12;
            put32(cpu.reg(Gpr::esp), kKernel);
            put32(cpu.reg(Gpr::esp) + 4, kCode0);
            put32(cpu.reg(Gpr::esp) + 8, eflags::FIXED1);
            cpu.eip = kIret;
            breakpoint();
        }
        REQUIRE(statistics.inlined_sites == 1);
        policy.tuning.burst = 24;
        become(3);
        cpu.eip = kCodeAt;
        cpu.reg(Gpr::ebx) = kPage;
        cpu.reg(Gpr::ecx) = kOther;
        cpu.reg(Gpr::edx) = kMore;
        resume();
    }
    void grant(std::uint32_t address, std::uint32_t bits) {
        put32(kTable + (address >> kPageShift) * 4, address | bits);
    }
    void resume() {
        dispatcher.settle();
        dispatcher.entry();
    }
    void fault(std::uint32_t address, bool write = true) {
        constexpr std::uint32_t kWrite = 2;
        dispatcher.handle({static_cast<std::uint8_t>(Vector::PF), write ? kWrite : 0u,
                           address + (write ? pages.data_shift() : 0u)});
        REQUIRE(in_handler());
    }
    bool in_handler() const { return cpu.cpl == 0 && cpu.eip == kEntry; }
    /// The handler ends.
    void iret() {
        REQUIRE(in_handler());
        cpu.reg(Gpr::esp) += 4;  // the error code
        dispatcher.handle_gate(0);
    }
    bool writable(std::uint32_t address) const {
        return pages.data_present(gva(address)) && pages.data_page(gva(address)).writable();
    }
};

}  // namespace

TEST_CASE("what a fault was about is mapped when its handler has returned and native code goes on") {
    PagingMachine t;
    t.fault(t.kPage);
    t.grant(t.kPage, t.kWritable);
    t.grant(t.kOther, t.kWritable);
    t.iret();
    CHECK(t.cpu.cpl == 3);
    CHECK_FALSE(t.pages.data_present(gva(t.kPage)));
    t.resume();
    CHECK(t.writable(t.kPage));
    CHECK_FALSE(t.pages.data_present(gva(t.kOther)));
}

TEST_CASE("what was touched in software before the next fault is not mapped") {
    PagingMachine t;
    t.fault(t.kPage);
    t.grant(t.kPage, t.kWritable);
    t.iret();  // the burst writes to it, and meets the other page
    t.resume();
    REQUIRE(t.in_handler());
    CHECK(t.cpu.cr2 == t.kOther);
    t.grant(t.kOther, t.kWritable);
    t.iret();
    t.resume();
    CHECK(t.writable(t.kOther));
    CHECK_FALSE(t.pages.data_present(gva(t.kPage)));
    CHECK(t.traps(TrapCause::true_fault) == 1);
    CHECK(t.traps(TrapCause::hidden_fault) == 0);
}

TEST_CASE("a page that was there before its fault is mapped whatever comes next") {
    PagingMachine t;
    t.grant(t.kPage, t.kReadable);
    t.fault(t.kPage);
    t.grant(t.kPage, t.kWritable);
    t.iret();
    CHECK(t.in_handler());
    CHECK(t.writable(t.kPage));
}

TEST_CASE("what the kernel's own fault was about is mapped for the kernel") {
    PagingMachine t;
    t.become(0);
    t.cpu.eip = t.kKernel + kCodeAt;
    t.fault(t.kPage);
    t.grant(t.kPage, t.kWritable);
    t.grant(t.kOther, t.kWritable);
    t.iret();
    CHECK(t.cpu.cpl == 0);
    t.resume();
    CHECK(t.writable(t.kPage));
}

TEST_CASE("code that was not there is mapped and proven when its handler has returned") {
    PagingMachine t;
    t.storage[t.kPage] = 0x0F, t.storage[t.kPage + 1] = 0xA2;  // cpuid
    t.storage[t.kPage + 2] = 0xEB, t.storage[t.kPage + 3] = 0xFC;
    t.cpu.eip = t.kPage;
    constexpr std::uint32_t kFetch = 16;
    t.dispatcher.handle({static_cast<std::uint8_t>(Vector::PF), kFetch, t.kPage});
    t.grant(t.kPage, t.kReadable);
    t.iret();
    t.resume();
    CHECK(t.pages.code_page(gva(t.kPage)).present());
}

TEST_CASE("nothing is mapped for a fault that was not returned from, or for another address space") {
    PagingMachine t;
    t.fault(t.kPage);
    t.grant(t.kPage, t.kWritable);
    t.grant(t.kOther, t.kWritable);
    SECTION("with the switch off") {
        t.policy.tuning.reflected = 0;
        t.iret();
    }
    SECTION("elsewhere") {
        t.put32(t.cpu.reg(Gpr::esp) + 4, kCodeAt + 2);
        t.iret();
    }
    SECTION("in another address space") {
        t.iret();
        t.cpu.cr3 = t.kDirectory + 0x2000;
        t.put32(t.cpu.cr3, t.get32(t.kDirectory));
        t.put32(t.cpu.cr3 + t.kKernel / 0x100000, t.get32(t.kDirectory + t.kKernel / 0x100000));
    }
    t.resume();
    CHECK_FALSE(t.pages.data_present(gva(t.kPage)));
}
