#include <catch2/catch.hpp>

#include "tests/traps/test_machine.hpp"

using namespace ringpress;
using namespace ringpress::test;
using Use = RecordedBus::Use;

namespace {
constexpr std::uint32_t kMapAt = 0x100;  // in the TSS

void open_all_ports(TestMachine& t) {
    t.put16(kTssAt + 0x66, kMapAt);
    for (unsigned i = 0; i < 0x200; i += 4) t.put32(kTssAt + kMapAt + i, 0);
}
}  // namespace

TEST_CASE("in and out come in three widths, by immediate and by DX") {
    TestMachine t;
    t.cpu.reg(Gpr::eax) = 0xAABBCCDD;
    t.cpu.reg(Gpr::edx) = 0xFFFF03F8;
    REQUIRE(t.run({0xE6, 0xF1}));
    REQUIRE(t.run({0x66, 0xEF}));
    REQUIRE(t.run({0xEF}));
    CHECK(t.bus.uses ==
          std::vector<Use>{{true, 0xF1, 1, 0xDD}, {true, 0x3F8, 2, 0xCCDD}, {true, 0x3F8, 4, 0xAABBCCDD}});
    t.bus.next_in = 0x44332211;
    REQUIRE(t.run({0xEC}));
    CHECK(t.cpu.reg(Gpr::eax) == 0xAABBCC11);
    REQUIRE(t.run({0x66, 0xE5, 0x60}));
    CHECK(t.cpu.reg(Gpr::eax) == 0xAABB2212);
    REQUIRE(t.run({0xE5, 0x60}));
    CHECK(t.cpu.reg(Gpr::eax) == 0x44332213);
}

TEST_CASE("without IOPL the permission map of the TSS decides, bit by bit") {
    TestMachine t;
    t.become(3);
    t.cpu.reg(Gpr::edx) = 0x3F8;
    t.put32(kTssAt + 0x7F, 0xFF);  // with a map base of 0 the bits are the TSS itself
    CHECK(t.fault_of({0xEC}) == Fault::gp(0));
    open_all_ports(t);
    REQUIRE(t.run({0xEC}));
    REQUIRE(t.run({0xED}));
    t.put32(kTssAt + kMapAt + 0x7F, 1u << 2);  // port 3FA
    REQUIRE(t.run({0x66, 0xED}));
    CHECK(t.fault_of({0xED}) == Fault::gp(0));
    t.cpu.reg(Gpr::edx) = 0x3F7;  // straddles a byte of the map
    REQUIRE(t.run({0x66, 0xED}));
    CHECK(t.fault_of({0xED}) == Fault::gp(0));
    t.cpu.eflags |= eflags::IOPL;
    REQUIRE(t.run({0xED}));
}

TEST_CASE("a map that ends before the port's bits refuses it") {
    TestMachine t;
    t.become(3);
    open_all_ports(t);
    t.cpu.reg(Gpr::edx) = 0x3F8;
    t.cpu.tr.limit = kMapAt + 0x7F;  // the second byte read lies outside
    CHECK(t.fault_of({0xEC}) == Fault::gp(0));
    t.cpu.tr.limit = kMapAt + 0x80;
    REQUIRE(t.run({0xEC}));
    t.cpu.tr.limit = 0x50;
    CHECK(t.fault_of({0xEC}) == Fault::gp(0));
    t.cpu.tr = {};
    CHECK(t.fault_of({0xEC}) == Fault::gp(0));
}

TEST_CASE("rep insw fills memory upwards, a page at a time") {
    TestMachine t;
    t.cpu.reg(Gpr::edx) = 0x1F0;
    t.cpu.reg(Gpr::edi) = kDataAt + 0xFF0;
    t.cpu.reg(Gpr::ecx) = 20;
    t.bus.next_in = 0x100;
    auto r = t.run({0xF3, 0x66, 0x6D});
    REQUIRE(r);
    CHECK(r.value() == Next::repeat);
    CHECK(t.cpu.reg(Gpr::ecx) == 12);
    CHECK(t.cpu.reg(Gpr::edi) == kDataAt + 0x1000);
    r = t.run({0xF3, 0x66, 0x6D});
    REQUIRE(r);
    CHECK(r.value() == Next::advance);
    CHECK(t.cpu.reg(Gpr::ecx) == 0);
    for (unsigned i = 0; i < 20; ++i) CHECK(t.get16(kDataAt + 0xFF0 + 2 * i) == 0x100 + i);
    CHECK(t.bus.uses.size() == 20);
}

TEST_CASE("outs reads through its segment override, downwards with DF") {
    TestMachine t;
    t.cpu.segment(Seg::fs).base = kDataAt;
    t.put32(kDataAt, 0x04030201);
    t.cpu.reg(Gpr::edx) = 0xE9;
    t.cpu.reg(Gpr::esi) = 3;
    t.cpu.reg(Gpr::ecx) = 4;
    t.cpu.eflags |= eflags::DF;
    REQUIRE(t.run({0xF3, 0x64, 0x6E}));
    CHECK(t.bus.uses ==
          std::vector<Use>{{true, 0xE9, 1, 4}, {true, 0xE9, 1, 3}, {true, 0xE9, 1, 2}, {true, 0xE9, 1, 1}});
    CHECK(t.cpu.reg(Gpr::esi) == 0xFFFFFFFF);
}

TEST_CASE("a port is not read if its byte cannot be stored") {
    TestMachine t;
    t.cpu.segment(Seg::es).limit = kDataAt + 2;
    t.cpu.reg(Gpr::edi) = kDataAt;
    t.cpu.reg(Gpr::ecx) = 10;
    auto r = t.run({0xF3, 0x6C});
    REQUIRE(r);
    CHECK(r.value() == Next::repeat);
    CHECK(t.cpu.reg(Gpr::ecx) == 7);
    CHECK(t.bus.uses.size() == 3);
    CHECK(t.fault_of({0xF3, 0x6C}) == Fault::gp(0));
    CHECK(t.bus.uses.size() == 3);
}

TEST_CASE("a count of zero does nothing, and single ins and outs ignore ECX") {
    TestMachine t;
    t.cpu.reg(Gpr::edi) = kDataAt;
    t.cpu.reg(Gpr::ecx) = 0;
    REQUIRE(t.run({0xF3, 0x6C}));
    CHECK(t.bus.uses.empty());
    REQUIRE(t.run({0x6D}));
    CHECK(t.get32(kDataAt) == 0x44332211);
    CHECK(t.cpu.reg(Gpr::edi) == kDataAt + 4);
    CHECK(t.cpu.reg(Gpr::ecx) == 0);
}
