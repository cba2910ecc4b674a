#include "tests/traps/test_machine.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {

constexpr unsigned kInterrupt32 = 0x8E, kTrap32 = 0x8F, kTrap32User = 0xEF, kInterrupt16 = 0x86,
                   kTrap16 = 0x87;
constexpr Event kExternalEvent{static_cast<Vector>(0x20), EventKind::external_interrupt, false, 0};

}  // namespace

TEST_CASE("a fault at the same privilege pushes three words and its error code") {
    TestMachine t;
    t.idt(13, kCode0, kHandler, kInterrupt32);
    t.cpu.eflags = eflags::FIXED1 | eflags::IF | eflags::TF | eflags::NT | eflags::CF;
    const std::uint32_t flags = t.cpu.eflags;
    reflect(t.m, Fault::gp(0x1230));
    CHECK(t.cpu.eip == kHandler);
    CHECK(t.cpu.reg(Gpr::esp) == kKernelStack - 16);
    CHECK(t.stack(0) == 0x1230);
    CHECK(t.stack(1) == kCodeAt);
    CHECK(t.stack(2) == kCode0);
    CHECK(t.stack(3) == (flags | eflags::RF));
    CHECK(t.cpu.eflags == (eflags::FIXED1 | eflags::CF));
    CHECK(t.translation.privilege == 0);
}

TEST_CASE("from user mode the stack comes from the TSS, and the shadows hear of the change") {
    TestMachine t;
    t.become(3);
    t.cpu.eflags |= eflags::IF;
    t.idt(0x20, kCode0, kHandler, kTrap32);
    deliver(t.m, kExternalEvent);
    CHECK(t.cpu.cpl == 0);
    CHECK(t.cpu.segment(Seg::cs).selector == kCode0);
    CHECK(t.cpu.segment(Seg::ss).selector == kData0);
    CHECK(t.cpu.segment(Seg::ds).selector == kData3);
    CHECK(t.cpu.reg(Gpr::esp) == kInnerStack0 - 20);
    CHECK(t.stack(0) == kCodeAt);
    CHECK(t.stack(1) == kCode3);
    CHECK_FALSE(t.stack(2) & eflags::RF);
    CHECK(t.stack(3) == kUserStack);
    CHECK(t.stack(4) == kData3);
    CHECK(t.cpu.interrupts_enabled());  // a trap gate leaves IF
    CHECK(t.translation.privilege == 1);
}

TEST_CASE("#PF sets CR2 and wakes nothing else") {
    TestMachine t;
    t.idt(14, kCode0, kHandler, kInterrupt32);
    reflect(t.m, Fault::pf(pf_error::W, 0xC0001234));
    CHECK(t.cpu.cr2 == 0xC0001234);
    CHECK(t.stack(0) == pf_error::W);
}

TEST_CASE("an interrupt ends a halt and closes the shadow") {
    TestMachine t;
    t.idt(0x20, kCode0, kHandler, kInterrupt32);
    t.cpu.activity = Activity::halted;
    t.cpu.shadow = InterruptShadow::sti;
    deliver(t.m, kExternalEvent);
    CHECK(t.cpu.activity == Activity::running);
    CHECK(t.cpu.shadow == InterruptShadow::none);
}

TEST_CASE("16-bit gates push 16-bit words and cut the entry point") {
    TestMachine t;
    t.idt(0x20, kCode0, 0xFFFF0000 | kHandler, kInterrupt16);
    t.cpu.eip = 0x12345678;
    deliver(t.m, kExternalEvent);
    CHECK(t.cpu.eip == kHandler);
    CHECK(t.cpu.reg(Gpr::esp) == kKernelStack - 6);
    CHECK(t.get16(kKernelStack - 6) == 0x5678);
    CHECK(t.get16(kKernelStack - 4) == kCode0);
    t.idt(0x20, kCode0, kHandler, kTrap16);
    t.cpu.eflags |= eflags::IF;
    deliver(t.m, kExternalEvent);
    CHECK(t.cpu.interrupts_enabled());
}

TEST_CASE("a 16-bit TSS supplies a 16-bit stack pointer") {
    TestMachine t;
    t.become(3);
    t.cpu.tr = {kTss, 0x0083, kTssAt, 0x2B};
    t.put16(kTssAt + 2, 0xB000);
    t.put16(kTssAt + 4, kData0);
    t.idt(0x20, kCode0, kHandler, kInterrupt32);
    deliver(t.m, kExternalEvent);
    CHECK(t.cpu.reg(Gpr::esp) == 0xB000 - 20);
}

TEST_CASE("a handler in ring 1 runs on its own stack") {
    TestMachine t;
    t.become(3);
    t.idt(0x20, kCode1, kHandler, kInterrupt32);
    deliver(t.m, kExternalEvent);
    CHECK(t.cpu.cpl == 1);
    CHECK(t.cpu.segment(Seg::cs).selector == kCode1);
    CHECK(t.cpu.reg(Gpr::esp) == kInnerStack1 - 20);
}

TEST_CASE("a conforming handler keeps the privilege and the stack") {
    TestMachine t;
    t.become(3);
    t.idt(0x20, kConforming, kHandler, kInterrupt32);
    deliver(t.m, kExternalEvent);
    CHECK(t.cpu.cpl == 3);
    CHECK(t.cpu.segment(Seg::cs).selector == (kConforming | 3));
    CHECK(t.cpu.reg(Gpr::esp) == kUserStack - 12);
}

TEST_CASE("each thing wrong with a gate has its own fault and error code") {
    const auto attempt = [](auto prepare, EventKind kind = EventKind::external_interrupt, unsigned cpl = 3) {
        TestMachine t;
        t.become(cpl);
        t.idt(0x20, kCode0, kHandler, kTrap32User);
        prepare(t);
        const VCpu before = t.cpu;
        const auto r = enter_gate(t.m, Event{static_cast<Vector>(0x20), kind, false, 0}, t.cpu.eip);
        if (r) return kNoFault;
        return same_state(before, t.cpu) ? r.fault() : kHalfDone;
    };
    constexpr std::uint32_t gate = 0x20 * 8 + 2, ext = 1;
    const auto none = [](TestMachine&) {};
    CHECK(attempt(none) == kNoFault);
    CHECK(attempt(none, EventKind::software_interrupt) == kNoFault);
    CHECK(attempt([](TestMachine& t) { t.cpu.idtr.limit = 0x106; }) == Fault::gp(gate + ext));
    CHECK(attempt([](TestMachine& t) { t.cpu.idtr.limit = 0x106; }, EventKind::software_interrupt) ==
          Fault::gp(gate));
    CHECK(attempt([](TestMachine& t) { t.idt(0x20, kCode0, kHandler, 0x8C); }) == Fault::gp(gate + ext));
    CHECK(attempt([](TestMachine& t) { t.idt(0x20, kCode0, kHandler, 0x9E); }) == Fault::gp(gate + ext));
    CHECK(attempt([](TestMachine& t) { t.idt(0x20, kCode0, kHandler, 0x0E); }) == Fault::np(gate + ext));
    // The gate's DPL counts for int n only.
    CHECK(attempt([](TestMachine& t) { t.idt(0x20, kCode0, kHandler, kTrap32); }) == kNoFault);
    CHECK(attempt([](TestMachine& t) { t.idt(0x20, kCode0, kHandler, kTrap32); },
                  EventKind::software_interrupt) == Fault::gp(gate));
    CHECK(attempt([](TestMachine& t) { t.idt(0x20, 0, kHandler, kTrap32); }) == Fault::gp(ext));
    CHECK(attempt([](TestMachine& t) { t.idt(0x20, 0x400, kHandler, kTrap32); }) == Fault::gp(0x400 + ext));
    CHECK(attempt([](TestMachine& t) { t.idt(0x20, kData0, kHandler, kTrap32); }) == Fault::gp(kData0 + ext));
    CHECK(attempt([](TestMachine& t) { t.idt(0x20, kAbsentCode, kHandler, kTrap32); }) ==
          Fault::np(kAbsentCode + ext));
    CHECK(attempt([](TestMachine& t) { t.idt(0x20, kCode3, kHandler, kTrap32); },
                  EventKind::external_interrupt, 0) == Fault::gp((kCode3 & ~3u) + ext));
    // The inner stack.
    CHECK(attempt([](TestMachine& t) { t.cpu.tr.limit = 8; }) == Fault::ts(kTss + ext));
    CHECK(attempt([](TestMachine& t) { t.put32(kTssAt + 8, 0); }) == Fault::ts(ext));
    CHECK(attempt([](TestMachine& t) { t.put32(kTssAt + 8, 0x400); }) == Fault::ts(0x400 + ext));
    CHECK(attempt([](TestMachine& t) { t.put32(kTssAt + 8, kData3); }) == Fault::ts((kData3 & ~3u) + ext));
    CHECK(attempt([](TestMachine& t) { t.put32(kTssAt + 8, kReadOnly); }) == Fault::ts(kReadOnly + ext));
    CHECK(attempt([](TestMachine& t) { t.put32(kTssAt + 8, kAbsentData); }) == Fault::ss(kAbsentData + ext));
    CHECK(attempt([](TestMachine& t) {
              t.descriptor(kStack16, 0, 0xFFF, 0x4093);
              t.put32(kTssAt + 8, kStack16);
          }) == Fault::ss(kStack16 + ext));
    // The entry point.
    CHECK(attempt([](TestMachine& t) { t.descriptor(kCode0, 0, kHandler - 1, 0x409B); }) == Fault::gp(ext));
}

TEST_CASE("a frame that straddles two pages is pushed whole or not at all") {
    TestMachine t;
    t.put32(0x20000, 0x21000 | 7);
    for (unsigned i = 0; i < 256; ++i) t.put32(0x21000 + 4 * i, i << 12 | 7);
    t.cpu.cr3 = 0x20000;
    t.cpu.cr0 |= cr0::PG | cr0::WP;
    t.idt(0x20, kCode0, kHandler, kInterrupt32);
    t.cpu.reg(Gpr::esp) = kKernelStack + 4;
    deliver(t.m, kExternalEvent);
    CHECK(t.cpu.reg(Gpr::esp) == kKernelStack - 8);
    CHECK(t.stack(0) == kCodeAt);
    CHECK(t.stack(2) == eflags::FIXED1);

    t.cpu.reg(Gpr::esp) = kKernelStack + 4;
    t.put32(kKernelStack, 0x5A5A5A5A);
    t.put32(0x21000 + 4 * 7, 0);  // the lower page is gone
    const auto r = enter_gate(t.m, kExternalEvent, kCodeAt);
    REQUIRE_FALSE(r);
    CHECK(r.fault().vector == Vector::PF);
    CHECK(r.fault().error == pf_error::W);
    CHECK(r.fault().address == kKernelStack - 4);  // EFLAGS was still pushed above it
    CHECK(t.get32(kKernelStack) == 0x5A5A5A5A);

    // A word of its own on both pages: the first byte that is not there.
    t.put32(0x21000 + 4 * 7, 7 << 12 | 7);
    t.put32(0x21000 + 4 * 8, 0);
    t.cpu.reg(Gpr::esp) = kKernelStack + 2;
    const auto split = enter_gate(t.m, kExternalEvent, kCodeAt);
    REQUIRE_FALSE(split);
    CHECK(split.fault().address == kKernelStack);
}

TEST_CASE("faults while delivering combine as table 6-5 has it") {
    struct Case {
        Vector first, second;
        bool doubles;
    };
    for (const Case& c : {Case{Vector::GP, Vector::NP, true}, Case{Vector::DE, Vector::NP, true},
                          Case{Vector::PF, Vector::NP, true}, Case{Vector::UD, Vector::NP, false},
                          Case{Vector::NM, Vector::NP, false}}) {
        TestMachine t;
        t.idt(static_cast<unsigned>(c.first), kAbsentCode, kHandler, kInterrupt32);  // -> #NP
        t.idt(static_cast<unsigned>(c.second), kCode0, kHandler + 0x10, kInterrupt32);
        t.idt(8, kCode0, kHandler + 0x20, kInterrupt32);
        if (c.first == Vector::NP) continue;
        reflect(t.m, Fault{c.first, 0, 0});
        INFO("vector " << int(c.first));
        CHECK(t.cpu.eip == (c.doubles ? kHandler + 0x20 : kHandler + 0x10));
        CHECK(t.stack(0) == (c.doubles ? 0u : kAbsentCode | 1u));
    }
}

TEST_CASE("a contributory fault followed by a page fault is served in turn") {
    TestMachine t;
    t.put32(0x20000, 0x21000 | 7);
    for (unsigned i = 0; i < 256; ++i) t.put32(0x21000 + 4 * i, i << 12 | 7);
    t.cpu.cr3 = 0x20000;
    t.cpu.cr0 |= cr0::PG | cr0::WP;
    t.become(3);
    // The #GP gate leads to ring 1, whose stack page is missing; #PF goes to ring 0.
    t.idt(13, kCode1, kHandler, kInterrupt32);
    t.idt(14, kCode0, kHandler + 0x10, kInterrupt32);
    t.put32(0x21000 + 4 * ((kInnerStack1 >> 12) - 1), 0);
    reflect(t.m, Fault::gp(0));
    CHECK(t.cpu.eip == kHandler + 0x10);
    CHECK(t.cpu.cr2 == kInnerStack1 - 4);  // the first word pushed
    CHECK(t.stack(0) == pf_error::W);
}

TEST_CASE("a fault in the double-fault handler's delivery shuts the processor down") {
    TestMachine t;
    reflect(t.m, Fault::gp(0));  // the IDT is empty
    CHECK(t.cpu.activity == Activity::shutdown);
    TestMachine unhandled;
    deliver(unhandled.m, kExternalEvent);
    CHECK(unhandled.cpu.activity == Activity::shutdown);
}

TEST_CASE("an interrupt without a gate becomes #GP with the gate's number") {
    TestMachine t;
    t.idt(13, kCode0, kHandler, kInterrupt32);
    deliver(t.m, kExternalEvent);
    CHECK(t.cpu.eip == kHandler);
    CHECK(t.stack(0) == 0x20 * 8 + 2 + 1);
}
