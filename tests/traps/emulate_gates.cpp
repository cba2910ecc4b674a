#include "tests/traps/test_machine.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {

constexpr unsigned kUserTrap = 0xEF;
constexpr std::uint32_t kIopl3 = 3u << eflags::kIoplShift;

/// A return frame of 32-bit words on the current stack, EIP first.
void frame(TestMachine& t, std::initializer_list<std::uint32_t> words) {
    std::uint32_t at = t.cpu.reg(Gpr::esp);
    for (std::uint32_t w : words) {
        t.put32(at, w);
        at += 4;
    }
}

}  // namespace

TEST_CASE("int n returns behind itself, int3 and into likewise") {
    TestMachine t;
    t.become(3);
    for (unsigned v : {3u, 4u, 0x80u}) t.idt(v, kCode0, kHandler + v, kUserTrap);
    REQUIRE(t.run({0xCD, 0x80}));
    CHECK(t.cpu.eip == kHandler + 0x80);
    CHECK(t.stack(0) == kCodeAt + 2);
    CHECK_FALSE(t.stack(2) & eflags::RF);
    t.become(3);
    t.cpu.eip = kCodeAt;
    REQUIRE(t.run({0xCC}));
    CHECK(t.stack(0) == kCodeAt + 1);
    t.become(3);
    t.cpu.eip = kCodeAt;
    REQUIRE(t.run({0xCE}));  // OF is clear
    CHECK(t.cpu.eip == kCodeAt + 1);
    t.cpu.eflags |= eflags::OF;
    REQUIRE(t.run({0xCE}));
    CHECK(t.cpu.eip == kHandler + 4);
}

TEST_CASE("int n to a gate that user mode may not use is #GP with the gate, at the instruction") {
    TestMachine t;
    t.become(3);
    t.idt(0x80, kCode0, kHandler, 0x8E);
    CHECK(t.fault_of({0xCD, 0x80}) == Fault::gp(0x80 * 8 + 2));
    t.idt(1, kCode0, kHandler, 0x8E);
    REQUIRE(t.run({0xF1}));  // int1 asks for no privilege
    CHECK(t.cpu.eip == kHandler);
}

TEST_CASE("iret at the same privilege takes what the privilege may change") {
    TestMachine t;
    frame(t, {0x7000, kCode0, 0xFFFFFFFF & ~eflags::VM & ~eflags::NT});
    REQUIRE(t.run({0xCF}));
    CHECK(t.cpu.eip == 0x7000);
    CHECK(t.cpu.reg(Gpr::esp) == kKernelStack + 12);
    CHECK(t.cpu.eflags == (eflags::FIXED1 | eflags::kArithmetic | eflags::TF | eflags::IF | eflags::DF |
                           kIopl3 | eflags::RF | eflags::AC | eflags::VIF | eflags::VIP | eflags::ID));
    CHECK(t.translation.privilege == 0);

    t.become(3);
    t.cpu.eflags = eflags::FIXED1;
    frame(t, {0x7100, kCode3, 0xFFFFFFFF});
    REQUIRE(t.run({0xCF}));
    CHECK(t.cpu.eflags == (eflags::FIXED1 | eflags::kArithmetic | eflags::TF | eflags::DF | eflags::NT |
                           eflags::RF | eflags::AC | eflags::ID));
}

TEST_CASE("iret to user mode restores its stack and drops segments it may not use") {
    TestMachine t;
    t.cpu.segment(Seg::es) = {kData3, 0xC0F3, 0, 0xFFFFFFFF};
    t.cpu.segment(Seg::fs) = {kConforming, 0xC09F, 0, 0xFFFFFFFF};
    t.cpu.nmi_blocked = 1;
    frame(t, {0x7000, kCode3, eflags::IF, 0x9000, kData3});
    REQUIRE(t.run({0xCF}));
    CHECK(t.cpu.cpl == 3);
    CHECK(t.cpu.segment(Seg::cs).selector == kCode3);
    CHECK(t.cpu.segment(Seg::ss).selector == kData3);
    CHECK(t.cpu.reg(Gpr::esp) == 0x9000);
    CHECK(t.cpu.interrupts_enabled());
    CHECK(t.cpu.segment(Seg::ds) == SegmentRegister{});
    CHECK(t.cpu.segment(Seg::es).selector == kData3);
    CHECK(t.cpu.segment(Seg::fs).selector == kConforming);
    CHECK(t.cpu.nmi_blocked == 0);
    CHECK(t.translation.privilege == 1);
}

TEST_CASE("a 16-bit iret pops words") {
    TestMachine t;
    t.put16(kKernelStack, 0x7000);
    t.put16(kKernelStack + 2, kCode0);
    t.put16(kKernelStack + 4, eflags::CF);
    t.cpu.eflags |= eflags::AC;
    REQUIRE(t.run({0x66, 0xCF}));
    CHECK(t.cpu.eip == 0x7000);
    CHECK(t.cpu.reg(Gpr::esp) == kKernelStack + 6);
    CHECK(t.cpu.eflags == (eflags::FIXED1 | eflags::CF | eflags::AC));
}

TEST_CASE("a return to a 16-bit stack leaves the upper half of ESP") {
    TestMachine t;
    t.descriptor(kStack16, 0, 0xFFFF, 0x00F3);
    t.cpu.reg(Gpr::esp) = 0x00010000;
    frame(t, {0x7000, kCode3, 0, 0xABCD9000, kStack16 | 3});
    REQUIRE(t.run({0xCF}));
    CHECK(t.cpu.reg(Gpr::esp) == 0x00019000);
}

TEST_CASE("iret lets NMIs come again even if it faults") {
    for (const std::uint32_t selector : {std::uint32_t{kCode0}, std::uint32_t{kData0}}) {
        TestMachine t;
        frame(t, {0x7000, selector, 0});
        t.cpu.nmi_blocked = 1;
        CHECK(bool(t.run({0xCF})) == (selector == kCode0));
        CHECK(t.cpu.nmi_blocked == 0);
    }
}

TEST_CASE("each thing wrong with an iret frame has its own fault, and nothing changes") {
    const auto attempt = [](std::initializer_list<std::uint32_t> words, unsigned cpl = 0) {
        TestMachine t;
        t.become(cpl);
        frame(t, words);
        return t.fault_of({0xCF});
    };
    CHECK(attempt({0x7000, 0, 0}) == Fault::gp(0));
    CHECK(attempt({0x7000, 0x400, 0}) == Fault::gp(0x400));
    CHECK(attempt({0x7000, kData0, 0}) == Fault::gp(kData0));
    CHECK(attempt({0x7000, kCode0 | 3, 0, 0x9000, kData3}) == Fault::gp(kCode0));  // DPL is not RPL
    CHECK(attempt({0x7000, kCode0, 0}, 3) == Fault::gp(kCode0));                   // inwards
    CHECK(attempt({0x7000, kAbsentCode, 0}) == Fault::np(kAbsentCode));
    CHECK(attempt({0x7000, kCode3, 0, 0x9000, 0}) == Fault::gp(0));
    CHECK(attempt({0x7000, kCode3, 0, 0x9000, kData0}) == Fault::gp(kData0));
    CHECK(attempt({0x7000, kCode3, 0, 0x9000, kCode3}) == Fault::gp(kCode3 & ~3u));
    CHECK(attempt({0x7000, kCode0, eflags::VM}) == Fault::gp(0));  // no virtual-8086 mode

    TestMachine t;
    t.descriptor(kCode0, 0, 0x6FFF, 0x409B);
    frame(t, {0x7000, kCode0, 0});
    CHECK(t.fault_of({0xCF}) == Fault::gp(0));
    t.cpu.segment(Seg::ss).limit = kKernelStack + 7;
    CHECK(t.fault_of({0xCF}) == Fault::ss(0));
}

TEST_CASE("fast system calls are #UD, as CPUID says") {
    TestMachine t;
    for (unsigned op : {0x34u, 0x35u, 0x05u, 0x07u}) CHECK(t.fault_of({0x0F, op}) == Fault::ud());
}
