#include <catch2/catch.hpp>

#include "tests/traps/test_machine.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {
constexpr std::uint32_t kIopl3 = 3u << eflags::kIoplShift;
}

TEST_CASE("cli and sti obey CPL against IOPL") {
    for (unsigned cpl : {0u, 1u, 3u})
        for (unsigned iopl = 0; iopl < 4; ++iopl) {
            TestMachine t;
            t.become(cpl);
            t.cpu.eflags |= iopl << eflags::kIoplShift | eflags::IF;
            if (cpl <= iopl) {
                REQUIRE(t.run({0xFA}));
                CHECK_FALSE(t.cpu.interrupts_enabled());
                REQUIRE(t.run({0xFB}));
                CHECK(t.cpu.interrupts_enabled());
            } else {
                CHECK(t.fault_of({0xFA}) == Fault::gp(0));
                CHECK(t.fault_of({0xFB}) == Fault::gp(0));
            }
        }
}

TEST_CASE("sti opens a shadow only if interrupts were disabled") {
    TestMachine t;
    REQUIRE(t.run({0xFB}));
    CHECK(t.cpu.shadow == InterruptShadow::sti);
    t.cpu.shadow = InterruptShadow::none;
    REQUIRE(t.run({0xFB}));
    CHECK(t.cpu.shadow == InterruptShadow::none);
}

TEST_CASE("pushf stores the guest's IF and IOPL without RF and VM") {
    TestMachine t;
    t.cpu.eflags = eflags::FIXED1 | eflags::IF | kIopl3 | eflags::RF | eflags::NT | eflags::ID;
    REQUIRE(t.run({0x9C}));
    CHECK(t.stack(0) == (eflags::FIXED1 | eflags::IF | kIopl3 | eflags::NT | eflags::ID));
    REQUIRE(t.run({0x66, 0x9C}));
    CHECK(t.cpu.reg(Gpr::esp) == kKernelStack - 6);
    CHECK(t.get16(kKernelStack - 6) == ((eflags::FIXED1 | eflags::IF | kIopl3 | eflags::NT) & 0xFFFF));
}

TEST_CASE("popf changes what the privilege allows, silently") {
    const std::uint32_t all = 0xFFFFFFFF;
    const std::uint32_t user =
        eflags::kArithmetic | eflags::TF | eflags::DF | eflags::NT | eflags::AC | eflags::ID;
    struct Case {
        unsigned cpl, iopl;
        std::uint32_t expected;
    };
    for (const Case& c :
         {Case{0, 0, user | eflags::IF | kIopl3}, Case{3, 0, user}, Case{3, 3, user | eflags::IF | kIopl3},
          Case{1, 1, user | eflags::IF | 1u << eflags::kIoplShift}}) {
        TestMachine t;
        t.become(c.cpl);
        t.cpu.eflags = eflags::FIXED1 | c.iopl << eflags::kIoplShift;
        t.put32(t.cpu.reg(Gpr::esp), all);
        REQUIRE(t.run({0x9D}));
        INFO("cpl " << c.cpl << " iopl " << c.iopl);
        CHECK(t.cpu.eflags == (c.expected | eflags::FIXED1));
        // And all of it can be cleared again, IOPL by ring 0 only.
        t.put32(t.cpu.reg(Gpr::esp), 0);
        REQUIRE(t.run({0x9D}));
        const std::uint32_t kept = c.cpl == 0 ? 0 : c.expected & kIopl3;
        CHECK(t.cpu.eflags == (kept | eflags::FIXED1));
    }
}

TEST_CASE("a 16-bit popf leaves the upper half alone") {
    TestMachine t;
    t.cpu.eflags = eflags::FIXED1 | eflags::AC | eflags::ID;
    t.put32(kKernelStack, 0x0001);
    REQUIRE(t.run({0x66, 0x9D}));
    CHECK(t.cpu.eflags == (eflags::FIXED1 | eflags::CF | eflags::AC | eflags::ID));
    CHECK(t.cpu.reg(Gpr::esp) == kKernelStack + 2);
}
