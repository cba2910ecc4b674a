#include "tests/traps/test_machine.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {

constexpr std::uint32_t kNewEip = 0x7777, kNewEsp = 0x9800;

/// A second task in user mode.
void second_task(TestMachine& t) {
    t.put32(kTss2At + 0x20, kNewEip);
    t.put32(kTss2At + 0x24, eflags::FIXED1 | eflags::IF);
    for (unsigned i = 0; i < 8; ++i) t.put32(kTss2At + 0x28 + 4 * i, 0x100 + i);
    t.put32(kTss2At + 0x28 + 16, kNewEsp);
    const std::uint16_t selectors[6] = {kData3, kCode3, kData3, kData3, 0, kData3};
    for (unsigned i = 0; i < 6; ++i) t.put32(kTss2At + 0x48 + 4 * i, selectors[i]);
    t.put32(kTss2At + 0x1C, 0x20000);
}

unsigned type_of(TestMachine& t, std::uint16_t selector) {
    return (t.get32(kGdtAt + (selector & ~7u) + 4) >> 8) & 15;
}

Emulated jump(TestMachine& t, unsigned opcode, std::uint16_t selector) {
    return t.run({opcode, 0, 0, 0, 0, selector & 0xFFu, selector / 256u});
}

}  // namespace

TEST_CASE("a jump to a TSS saves one task and loads the other") {
    TestMachine t;
    second_task(t);
    t.cpu.reg(Gpr::edi) = 0xED1;
    t.cpu.eflags |= eflags::CF;
    REQUIRE(jump(t, 0xEA, kTss2));
    CHECK(t.get32(kTssAt + 0x20) == kCodeAt + 7);
    CHECK(t.get32(kTssAt + 0x24) == (eflags::FIXED1 | eflags::CF));
    CHECK(t.get32(kTssAt + 0x44) == 0xED1);
    CHECK(t.get16(kTssAt + 0x4C) == kCode0);
    CHECK(type_of(t, kTss) == 9);
    CHECK(type_of(t, kTss2) == 11);

    CHECK(t.cpu.tr.selector == kTss2);
    CHECK(t.cpu.eip == kNewEip);
    CHECK(t.cpu.cpl == 3);
    CHECK(t.cpu.reg(Gpr::ecx) == 0x101);
    CHECK(t.cpu.reg(Gpr::esp) == kNewEsp);
    CHECK(t.cpu.segment(Seg::cs).selector == kCode3);
    CHECK(t.cpu.segment(Seg::ss).selector == kData3);
    CHECK(t.cpu.segment(Seg::fs) == SegmentRegister{});
    CHECK(t.cpu.interrupts_enabled());
    CHECK((t.cpu.cr0 & cr0::TS) != 0);
    CHECK(t.translation.privilege == 1);
    CHECK(t.translation.address_space == 0);  // paging is off: CR3 is left alone
    CHECK(t.translation.sensitivity == 1);
}

TEST_CASE("a call links back, and iret with NT returns") {
    TestMachine t;
    second_task(t);
    REQUIRE(jump(t, 0x9A, kTss2));
    CHECK(t.get16(kTss2At) == kTss);
    CHECK(type_of(t, kTss) == 11);
    CHECK((t.cpu.eflags & eflags::NT) != 0);
    REQUIRE(t.run({0xCF}));
    CHECK(t.cpu.tr.selector == kTss);
    CHECK(t.cpu.eip == kCodeAt + 7);
    CHECK(t.cpu.cpl == 0);
    CHECK(type_of(t, kTss2) == 9);
    CHECK_FALSE(t.get32(kTss2At + 0x24) & eflags::NT);
    CHECK(t.get32(kTss2At + 0x20) == kNewEip + 1);
}

TEST_CASE("with paging a task switch loads CR3") {
    TestMachine t;
    second_task(t);
    t.put32(0x20000, 0x21000 | 7);
    for (unsigned i = 0; i < 256; ++i) t.put32(0x21000 + 4 * i, i << 12 | 7);
    t.put32(0x22000, 0x21000 | 7);
    t.cpu.cr3 = 0x22000;
    t.cpu.cr0 |= cr0::PG;
    REQUIRE(jump(t, 0xEA, kTss2));
    CHECK(t.cpu.cr3 == 0x20000);
    CHECK(t.translation.address_space == 1);
}

TEST_CASE("an interrupt through a task gate pushes its error code on the new task's stack") {
    TestMachine t;
    second_task(t);
    t.put32(kTss2At + 0x4C, kCode0);
    t.put32(kTss2At + 0x50, kData0);
    t.idt(8, kTss2, 0, 0x85);
    reflect(t.m, Fault::gp(0));  // the IDT is otherwise empty: a double fault
    CHECK(t.cpu.activity == Activity::running);
    CHECK(t.cpu.eip == kNewEip);
    CHECK(t.cpu.reg(Gpr::esp) == kNewEsp - 4);
    CHECK(t.stack(0) == 0);
    CHECK(t.get32(kTssAt + 0x20) == kCodeAt);
    CHECK((t.cpu.eflags & eflags::NT) != 0);
}

TEST_CASE("a task gate is entered from user mode when its DPL allows it") {
    TestMachine t;
    second_task(t);
    t.become(3);
    t.gdt_gate(kTaskGate, kTss2, 0, 0xE5);
    REQUIRE(jump(t, 0x9A, kTaskGate));
    CHECK(t.cpu.tr.selector == kTss2);
    TestMachine u;
    u.become(3);
    u.gdt_gate(kTaskGate, kTss2, 0, 0x85);
    const Emulated r = jump(u, 0x9A, kTaskGate);
    REQUIRE_FALSE(r);
    CHECK(r.fault() == Fault::gp(kTaskGate & ~3u));
}

TEST_CASE("a TSS that cannot be switched to leaves the old task running") {
    const auto attempt = [](auto prepare) {
        TestMachine t;
        second_task(t);
        prepare(t);
        const VCpu before = t.cpu;
        const Emulated r = jump(t, 0xEA, kTss2);
        if (r) return kNoFault;
        return same_state(before, t.cpu) ? r.fault() : kHalfDone;
    };
    CHECK(attempt([](TestMachine& t) { t.descriptor(kTss2, kTss2At, 0x67, 0x008B); }) ==
          Fault::gp(kTss2));  // busy
    CHECK(attempt([](TestMachine& t) { t.descriptor(kTss2, kTss2At, 0x67, 0x0009); }) == Fault::np(kTss2));
    CHECK(attempt([](TestMachine& t) { t.descriptor(kTss2, kTss2At, 0x66, 0x0089); }) == Fault::ts(kTss2));
    CHECK(attempt([](TestMachine& t) { t.descriptor(kTss2, kTss2At, 0x67, 0x0081); }) ==
          Fault::ts(kTss2));  // 16-bit
    CHECK(attempt([](TestMachine& t) { t.cpu.cpl = 3; }) == Fault::gp(kTss2));
}

TEST_CASE("a bad segment in the new TSS is #TS in the new task") {
    TestMachine t;
    second_task(t);
    t.put32(kTss2At + 0x50, kData0);  // SS of ring 0 for a ring 3 task
    const Emulated r = jump(t, 0xEA, kTss2);
    REQUIRE_FALSE(r);
    CHECK(r.fault() == Fault::ts(kData0));
    CHECK(t.cpu.tr.selector == kTss2);
    CHECK(t.cpu.eip == kNewEip);
}
