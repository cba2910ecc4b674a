#include <catch2/catch.hpp>

#include "tests/traps/test_machine.hpp"

using namespace ringpress;
using namespace ringpress::test;

TEST_CASE("lgdt and lidt load six bytes, with 16-bit operands a base of 24 bits") {
    TestMachine t;
    t.put16(kDataAt, 0x1234);
    t.put32(kDataAt + 2, 0xC1234567);
    t.cpu.reg(Gpr::ebx) = kDataAt;
    REQUIRE(t.run({0x0F, 0x01, 0x13}));
    CHECK(t.cpu.gdtr == DescriptorTableRegister{0xC1234567, 0x1234, 0});
    REQUIRE(t.run({0x66, 0x0F, 0x01, 0x1B}));
    CHECK(t.cpu.idtr == DescriptorTableRegister{0x00234567, 0x1234, 0});
}

TEST_CASE("sgdt and sidt show the guest's own registers at any privilege") {
    TestMachine t;
    t.become(3);
    t.cpu.reg(Gpr::ebx) = kDataAt;
    REQUIRE(t.run({0x0F, 0x01, 0x03}));
    CHECK(t.get16(kDataAt) == t.cpu.gdtr.limit);
    CHECK(t.get32(kDataAt + 2) == kGdtAt);
    REQUIRE(t.run({0x0F, 0x01, 0x0B}));
    CHECK(t.get32(kDataAt + 2) == kIdtAt);
}

TEST_CASE("sgdt writes all six bytes or none") {
    TestMachine t;
    t.cpu.segment(Seg::ds).limit = kDataAt + 4;
    t.cpu.reg(Gpr::ebx) = kDataAt;
    CHECK(t.fault_of({0x0F, 0x01, 0x03}) == Fault::gp(0));
    CHECK(t.get32(kDataAt) == 0);
}

TEST_CASE("lldt loads an LDT of the GDT, or null") {
    TestMachine t;
    t.cpu.reg(Gpr::eax) = kLdt;
    REQUIRE(t.run({0x0F, 0x00, 0xD0}));
    CHECK(t.cpu.ldtr == SegmentRegister{kLdt, 0x0082, kLdtAt, 0xFF});
    REQUIRE(t.run({0x0F, 0x00, 0xC3}));  // sldt ebx
    CHECK(t.cpu.reg(Gpr::ebx) == kLdt);
    t.cpu.reg(Gpr::eax) = 3;
    REQUIRE(t.run({0x0F, 0x00, 0xD0}));
    CHECK_FALSE(t.cpu.ldtr.present());
    for (std::uint16_t bad : {kData0, kTss2, std::uint16_t(kLdt | 4), std::uint16_t(0x400)}) {
        t.cpu.reg(Gpr::eax) = bad;
        CHECK(t.fault_of({0x0F, 0x00, 0xD0}) == Fault::gp(bad & 0xFFFC));
    }
    t.descriptor(kLdt, kLdtAt, 0xFF, 0x0002);
    t.cpu.reg(Gpr::eax) = kLdt;
    CHECK(t.fault_of({0x0F, 0x00, 0xD0}) == Fault::np(kLdt));
}

TEST_CASE("ltr marks its TSS busy, and refuses a busy one") {
    TestMachine t;
    t.cpu.reg(Gpr::eax) = kTss2;
    REQUIRE(t.run({0x0F, 0x00, 0xD8}));
    CHECK(t.cpu.tr.selector == kTss2);
    CHECK(t.cpu.tr.type() == 11);
    CHECK(((t.get32(kGdtAt + kTss2 + 4) >> 8) & 15) == 11);
    CHECK(t.fault_of({0x0F, 0x00, 0xD8}) == Fault::gp(kTss2));
    t.cpu.reg(Gpr::eax) = 0;
    CHECK(t.fault_of({0x0F, 0x00, 0xD8}) == Fault::gp(0));
    t.cpu.reg(Gpr::ebx) = 0xFFFFFFFF;
    REQUIRE(t.run({0x0F, 0x00, 0xCB}));  // str ebx
    CHECK(t.cpu.reg(Gpr::ebx) == kTss2);
}
