#include "tests/traps/paging_machine.hpp"

using namespace ringpress;
using namespace ringpress::test;

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
