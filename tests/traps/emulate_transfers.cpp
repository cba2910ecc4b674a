#include "tests/traps/test_machine.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {

constexpr unsigned kLcall = 0x9A, kLjmp = 0xEA, kCallGate32 = 0xEC, kCallGate16 = 0xE4;

Emulated far(TestMachine& t, unsigned opcode, std::uint32_t offset, std::uint16_t selector) {
    return t.run({opcode, offset & 0xFF, (offset >> 8) & 0xFF, (offset >> 16) & 0xFF, offset >> 24,
                  selector & 0xFFu, selector / 256u});
}

Fault far_fault(TestMachine& t, unsigned opcode, std::uint32_t offset, std::uint16_t selector) {
    const VCpu before = t.cpu;
    const Emulated r = far(t, opcode, offset, selector);
    if (r) return kNoFault;
    return same_state(before, t.cpu) ? r.fault() : kHalfDone;
}

}  // namespace

TEST_CASE("a far jump loads CS with the current privilege as RPL") {
    TestMachine t;
    REQUIRE(far(t, kLjmp, 0x7000, kCode0));
    CHECK(t.cpu.eip == 0x7000);
    t.become(3);
    REQUIRE(far(t, kLjmp, 0x7000, kConforming));
    CHECK(t.cpu.segment(Seg::cs).selector == (kConforming | 3));
    CHECK(t.cpu.cpl == 3);
    t.cpu.reg(Gpr::ebx) = kDataAt;
    t.put32(kDataAt, 0x7100);
    t.put16(kDataAt + 4, kCode3);
    REQUIRE(t.run({0xFF, 0x2B}));
    CHECK(t.cpu.eip == 0x7100);
    CHECK(t.cpu.segment(Seg::cs).selector == kCode3);
}

TEST_CASE("a far call pushes CS and the address behind itself, and lret undoes it") {
    TestMachine t;
    REQUIRE(far(t, kLcall, 0x7000, kCode0));
    CHECK(t.stack(0) == kCodeAt + 7);
    CHECK(t.stack(1) == kCode0);
    t.put32(t.cpu.reg(Gpr::esp) + 8, 0);
    REQUIRE(t.run({0xCA, 0x10, 0x00}));
    CHECK(t.cpu.eip == kCodeAt + 7);
    CHECK(t.cpu.reg(Gpr::esp) == kKernelStack + 0x10);
}

TEST_CASE("direct far transfers to the wrong segment fault and change nothing") {
    TestMachine t;
    for (unsigned op : {kLjmp, kLcall}) {
        CHECK(far_fault(t, op, 0x7000, 0) == Fault::gp(0));
        CHECK(far_fault(t, op, 0x7000, 0x400) == Fault::gp(0x400));
        CHECK(far_fault(t, op, 0x7000, kData0) == Fault::gp(kData0));
        CHECK(far_fault(t, op, 0x7000, kCode3) == Fault::gp(kCode3 & ~3u));
        CHECK(far_fault(t, op, 0x7000, kCode0 | 3) == Fault::gp(kCode0));  // RPL above CPL
        CHECK(far_fault(t, op, 0x7000, kAbsentCode) == Fault::np(kAbsentCode));
        CHECK(far_fault(t, op, 0x7000, kLdt) == Fault::gp(kLdt));
    }
    t.descriptor(kCode0, 0, 0xFFF, 0x409B);
    CHECK(far_fault(t, kLjmp, 0x7000, kCode0) == Fault::gp(0));
    t.become(3);
    CHECK(far_fault(t, kLjmp, 0x7000, kCode0) == Fault::gp(kCode0));
}

TEST_CASE("a call gate to an inner ring switches stacks and copies parameters; lret goes back") {
    TestMachine t;
    t.become(3);
    t.gdt_gate(kCallGate, kCode0, kHandler, kCallGate32, 2);
    t.put32(kUserStack, 0x11);
    t.put32(kUserStack + 4, 0x22);
    REQUIRE(far(t, kLcall, 0xDEAD, kCallGate));
    CHECK(t.cpu.eip == kHandler);
    CHECK(t.cpu.cpl == 0);
    CHECK(t.cpu.reg(Gpr::esp) == kInnerStack0 - 24);
    CHECK(t.stack(0) == kCodeAt + 7);
    CHECK(t.stack(1) == kCode3);
    CHECK(t.stack(2) == 0x11);
    CHECK(t.stack(3) == 0x22);
    CHECK(t.stack(4) == kUserStack);
    CHECK(t.stack(5) == kData3);
    CHECK(t.translation.privilege == 1);

    t.cpu.segment(Seg::ds) = {kData0, 0xC093, 0, 0xFFFFFFFF};
    REQUIRE(t.run({0xCA, 0x08, 0x00}));
    CHECK(t.cpu.cpl == 3);
    CHECK(t.cpu.eip == kCodeAt + 7);
    CHECK(t.cpu.reg(Gpr::esp) == kUserStack + 8);
    CHECK(t.cpu.segment(Seg::ds) == SegmentRegister{});
    CHECK(t.translation.privilege == 2);
}

TEST_CASE("a call gate at the same level pushes two words; a 16-bit one, two halves") {
    TestMachine t;
    t.gdt_gate(kCallGate, kCode0, kHandler, kCallGate32, 3);
    REQUIRE(far(t, kLcall, 0, kCallGate & ~3u));
    CHECK(t.cpu.reg(Gpr::esp) == kKernelStack - 8);
    t.gdt_gate(kCallGate, kCode0, 0xABCD0000 | kHandler, kCallGate16);
    REQUIRE(far(t, kLcall, 0, kCallGate & ~3u));
    CHECK(t.cpu.eip == kHandler);
    CHECK(t.cpu.reg(Gpr::esp) == kKernelStack - 12);
    REQUIRE(far(t, kLjmp, 0, kCallGate & ~3u));
    CHECK(t.cpu.reg(Gpr::esp) == kKernelStack - 12);
}

TEST_CASE("call gates are checked: their DPL, their target, their presence") {
    TestMachine t;
    t.become(3);
    t.gdt_gate(kCallGate, kCode0, kHandler, 0x8C);
    CHECK(far_fault(t, kLcall, 0, kCallGate) == Fault::gp(kCallGate & ~3u));
    t.gdt_gate(kCallGate, kCode0, kHandler, 0x6C);
    CHECK(far_fault(t, kLcall, 0, kCallGate) == Fault::np(kCallGate & ~3u));
    t.gdt_gate(kCallGate, kCode0, kHandler, kCallGate32);
    CHECK(far_fault(t, kLjmp, 0, kCallGate) == Fault::gp(kCode0));  // a jump cannot raise privilege
    t.gdt_gate(kCallGate, kData0, kHandler, kCallGate32);
    CHECK(far_fault(t, kLcall, 0, kCallGate) == Fault::gp(kData0));
    t.gdt_gate(kCallGate, 0, kHandler, kCallGate32);
    CHECK(far_fault(t, kLcall, 0, kCallGate) == Fault::gp(0));
    t.gdt_gate(kCallGate, kAbsentCode, kHandler, kCallGate32);
    CHECK(far_fault(t, kLcall, 0, kCallGate) == Fault::np(kAbsentCode));
    t.gdt_gate(kCallGate, kCode0, kHandler, kCallGate32);
    t.put32(kTssAt + 8, 0);
    CHECK(far_fault(t, kLcall, 0, kCallGate) == Fault::ts(0));
}

TEST_CASE("lret inwards, or with a bad frame, faults and changes nothing") {
    TestMachine t;
    t.become(3);
    t.put32(kUserStack, 0x7000);
    t.put32(kUserStack + 4, kCode0);
    CHECK(t.fault_of({0xCB}) == Fault::gp(kCode0));
    t.become(0);
    t.put32(kKernelStack, 0x7000);
    t.put32(kKernelStack + 4, kCode3);
    t.put32(kKernelStack + 8, 0x9000);
    t.put32(kKernelStack + 12, kData0);
    CHECK(t.fault_of({0xCB}) == Fault::gp(kData0));
    t.put32(kKernelStack + 12, kData3);
    REQUIRE(t.run({0xCB}));
    CHECK(t.cpu.cpl == 3);
    CHECK(t.cpu.reg(Gpr::esp) == 0x9000);
}
