#include <catch2/catch.hpp>

#include "tests/traps/test_machine.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {

/// mov eax -> segment register.
Fault load_fault(TestMachine& t, Seg segment, std::uint16_t selector) {
    t.cpu.reg(Gpr::eax) = selector;
    return t.fault_of({0x8E, 0xC0u | static_cast<unsigned>(segment) << 3});
}

Emulated load(TestMachine& t, Seg segment, std::uint16_t selector) {
    t.cpu.reg(Gpr::eax) = selector;
    return t.run({0x8E, 0xC0u | static_cast<unsigned>(segment) << 3});
}

}  // namespace

TEST_CASE("selectors are shown as the guest loaded them") {
    TestMachine t;
    t.cpu.reg(Gpr::eax) = 0xFFFFFFFF;
    REQUIRE(t.run({0x8C, 0xC8}));
    CHECK(t.cpu.reg(Gpr::eax) == kCode0);
    t.cpu.reg(Gpr::eax) = 0xFFFFFFFF;
    REQUIRE(t.run({0x66, 0x8C, 0xD8}));
    CHECK(t.cpu.reg(Gpr::eax) == (0xFFFF0000 | kData0));
    t.cpu.reg(Gpr::ebx) = kDataAt;
    t.put32(kDataAt, 0xFFFFFFFF);
    REQUIRE(t.run({0x8C, 0x0B}));  // to memory always 16 bits
    CHECK(t.get32(kDataAt) == (0xFFFF0000 | kCode0));
    REQUIRE(t.run({0x0E}));
    CHECK(t.stack(0) == kCode0);
    REQUIRE(t.run({0x66, 0x0F, 0xA0}));
    CHECK(t.cpu.reg(Gpr::esp) == kKernelStack - 6);
}

TEST_CASE("loading a segment takes base, limit and attributes from the guest's table and sets Accessed") {
    TestMachine t;
    t.descriptor(kData0, 0x00123000, 0x10, 0xC092);
    REQUIRE(load(t, Seg::fs, kData0));
    CHECK(t.cpu.segment(Seg::fs) == SegmentRegister{kData0, 0xC093, 0x00123000, 0x10FFF});
    CHECK(t.get32(kGdtAt + kData0 + 4) & 0x100);
}

TEST_CASE("null selectors may be loaded anywhere but in SS") {
    TestMachine t;
    REQUIRE(load(t, Seg::ds, 2));
    CHECK(t.cpu.segment(Seg::ds) == SegmentRegister{2, 0, 0, 0});
    CHECK(load_fault(t, Seg::ss, 0) == Fault::gp(0));
    t.cpu.reg(Gpr::ebx) = kDataAt;
    CHECK(t.fault_of({0x8B, 0x03}) == Fault::gp(0));  // and cannot be used
}

TEST_CASE("data segments are checked for type, privilege and presence") {
    TestMachine t;
    CHECK(load_fault(t, Seg::ds, 0x400) == Fault::gp(0x400));
    CHECK(load_fault(t, Seg::ds, kExecuteOnly) == Fault::gp(kExecuteOnly));
    CHECK(load_fault(t, Seg::ds, kTss) == Fault::gp(kTss));
    CHECK(load_fault(t, Seg::es, kAbsentData) == Fault::np(kAbsentData));
    CHECK(load_fault(t, Seg::es, kData0 | 4) == Fault::gp(kData0 | 4));  // no LDT
    CHECK(load_fault(t, Seg::es, kData0 | 3) == Fault::gp(kData0));      // RPL is weaker than DPL
    REQUIRE(load(t, Seg::es, kCode0));
    REQUIRE(load(t, Seg::es, kConforming | 3));
    t.become(3);
    CHECK(load_fault(t, Seg::es, kData0) == Fault::gp(kData0));
    REQUIRE(load(t, Seg::es, kConforming));
    REQUIRE(load(t, Seg::es, kData3));
}

TEST_CASE("the stack segment must be writable and of this very privilege") {
    TestMachine t;
    CHECK(load_fault(t, Seg::ss, kReadOnly) == Fault::gp(kReadOnly));
    CHECK(load_fault(t, Seg::ss, kCode0) == Fault::gp(kCode0));
    CHECK(load_fault(t, Seg::ss, kData3) == Fault::gp(kData3 & ~3u));
    CHECK(load_fault(t, Seg::ss, kAbsentData) == Fault::ss(kAbsentData));
    REQUIRE(load(t, Seg::ss, kStack16));
    CHECK(t.cpu.shadow == InterruptShadow::mov_ss);
}

TEST_CASE("pop of a segment raises ESP only when the segment was good") {
    TestMachine t;
    t.put32(kKernelStack, 0x400);
    CHECK(t.fault_of({0x1F}) == Fault::gp(0x400));
    t.put32(kKernelStack, 0xABCD0000 | kCode0);  // the upper half is ignored
    REQUIRE(t.run({0x1F}));
    CHECK(t.cpu.segment(Seg::ds).selector == kCode0);
    CHECK(t.cpu.reg(Gpr::esp) == kKernelStack + 4);
    t.put16(kKernelStack + 4, kData0);
    REQUIRE(t.run({0x66, 0x17}));
    CHECK(t.cpu.reg(Gpr::esp) == kKernelStack + 6);
    CHECK(t.cpu.shadow == InterruptShadow::mov_ss);
}

TEST_CASE("an LDT descriptor is found through LDTR") {
    TestMachine t;
    t.cpu.ldtr = {kLdt, 0x0082, kLdtAt, 0xFF};
    t.put32(kLdtAt + 8, 0x0000FFFF);
    t.put32(kLdtAt + 12, 0x00CF9300);
    REQUIRE(load(t, Seg::gs, 0x0C));
    CHECK(t.cpu.segment(Seg::gs) == SegmentRegister{0x0C, 0xC093, 0, 0xFFFFFFFF});
    CHECK(load_fault(t, Seg::gs, 0x104) == Fault::gp(0x104));
}

TEST_CASE("far pointers load a segment and a register together, or neither") {
    TestMachine t;
    t.cpu.reg(Gpr::ebx) = kDataAt;
    t.put32(kDataAt, 0x11223344);
    t.put16(kDataAt + 4, kData0);
    REQUIRE(t.run({0x0F, 0xB2, 0x23}));  // lss esp
    CHECK(t.cpu.reg(Gpr::esp) == 0x11223344);
    CHECK(t.cpu.segment(Seg::ss).selector == kData0);
    t.put16(kDataAt + 4, 0x400);
    CHECK(t.fault_of({0xC4, 0x03}) == Fault::gp(0x400));
    t.put16(kDataAt + 2, kCode0);
    REQUIRE(t.run({0x66, 0x0F, 0xB5, 0x03}));  // lgs ax
    CHECK(t.cpu.segment(Seg::gs).selector == kCode0);
    CHECK((t.cpu.reg(Gpr::eax) & 0xFFFF) == 0x3344);
}

TEST_CASE("lar and lsl answer from the guest's tables, or clear ZF") {
    TestMachine t;
    const auto ask = [&](unsigned opcode, std::uint16_t selector) -> std::int64_t {
        t.cpu.reg(Gpr::ecx) = selector;
        t.cpu.reg(Gpr::eax) = 0x5A5A5A5A;
        REQUIRE(t.run({0x0F, opcode, 0xC1}));
        if (t.cpu.eflags & eflags::ZF) return t.cpu.reg(Gpr::eax);
        CHECK(t.cpu.reg(Gpr::eax) == 0x5A5A5A5A);
        return -1;
    };
    constexpr unsigned lar = 2, lsl = 3;
    CHECK(ask(lar, kCode0) == 0x00C09B00);
    CHECK(ask(lsl, kCode0) == 0xFFFFFFFF);
    CHECK(ask(lsl, kTss) == 0x2FF);
    CHECK(ask(lar, kTss) == 0x00008B00);
    CHECK(ask(lar, 0) == -1);
    CHECK(ask(lar, 0x400) == -1);
    t.gdt_gate(kCallGate, kCode0, kHandler, 0xEC);
    CHECK(ask(lar, kCallGate) == 0x0000EC00);
    CHECK(ask(lsl, kCallGate) == -1);  // a gate has no limit
    t.become(3);
    CHECK(ask(lar, kData0) == -1);
    CHECK(ask(lar, kConforming) == 0x00C09F00);
    CHECK(ask(lsl, kData3) == 0xFFFFFFFF);
}

TEST_CASE("verr and verw judge the guest's descriptors") {
    TestMachine t;
    const auto verify = [&](unsigned modrm, std::uint16_t selector) {
        t.cpu.reg(Gpr::eax) = selector;
        REQUIRE(t.run({0x0F, 0x00, modrm}));
        return bool(t.cpu.eflags & eflags::ZF);
    };
    constexpr unsigned verr = 0xE0, verw = 0xE8;
    CHECK(verify(verr, kData0));
    CHECK(verify(verw, kData0));
    CHECK(verify(verr, kReadOnly));
    CHECK_FALSE(verify(verw, kReadOnly));
    CHECK_FALSE(verify(verr, kExecuteOnly));
    CHECK_FALSE(verify(verw, kCode0));
    CHECK_FALSE(verify(verr, kTss));
    CHECK_FALSE(verify(verr, 0));
    t.become(3);
    CHECK_FALSE(verify(verr, kData0));
    CHECK(verify(verw, kData3));
}

TEST_CASE("arpl raises an RPL and says so in ZF") {
    TestMachine t;
    t.become(3);
    t.cpu.reg(Gpr::eax) = 0x11110010;
    t.cpu.reg(Gpr::ecx) = 3;
    REQUIRE(t.run({0x63, 0xC8}));
    CHECK(t.cpu.reg(Gpr::eax) == 0x11110013);
    CHECK(t.cpu.eflags & eflags::ZF);
    REQUIRE(t.run({0x63, 0xC8}));
    CHECK_FALSE(t.cpu.eflags & eflags::ZF);
}

TEST_CASE("expand-down segments begin above their limit") {
    TestMachine t;
    REQUIRE(load(t, Seg::ds, kExpandDown));
    t.cpu.reg(Gpr::ebx) = 0xFFF;
    CHECK(t.fault_of({0x8A, 0x03}) == Fault::gp(0));
    t.cpu.reg(Gpr::ebx) = 0x1000;
    REQUIRE(t.run({0x8B, 0x03}));
    t.cpu.reg(Gpr::ebx) = 0xFFFFFFFE;
    CHECK(t.fault_of({0x8B, 0x03}) == Fault::gp(0));
}
