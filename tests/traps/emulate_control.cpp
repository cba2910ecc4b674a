#include <catch2/catch.hpp>

#include "tests/traps/test_machine.hpp"

using namespace ringpress;
using namespace ringpress::test;

TEST_CASE("privileged control instructions are #GP(0) outside ring 0, and change nothing") {
    TestMachine t;
    t.become(3);
    t.cpu.eflags |= eflags::IOPL;  // IOPL gives no right to any of them
    t.cpu.reg(Gpr::ebx) = kDataAt;
    for (auto bytes : {std::initializer_list<unsigned>{0xF4},
                       {0x0F, 0x20, 0xC0},
                       {0x0F, 0x22, 0xC0},
                       {0x0F, 0x21, 0xC0},
                       {0x0F, 0x23, 0xC0},
                       {0x0F, 0x06},
                       {0x0F, 0x01, 0xF0},
                       {0x0F, 0x01, 0x3B},
                       {0x0F, 0x08},
                       {0x0F, 0x09},
                       {0x0F, 0x30},
                       {0x0F, 0x32},
                       {0x0F, 0x33},
                       {0x0F, 0x01, 0x13},
                       {0x0F, 0x01, 0x1B},
                       {0x0F, 0x00, 0xD0},
                       {0x0F, 0x00, 0xD8}})
        CHECK(t.fault_of(bytes) == Fault::gp(0));
}

TEST_CASE("hlt halts") {
    TestMachine t;
    REQUIRE(t.run({0xF4}));
    CHECK(t.cpu.activity == Activity::halted);
    CHECK(t.cpu.eip == kCodeAt + 1);
}

TEST_CASE("control registers are read back as written, and the shadows hear of it") {
    TestMachine t;
    t.cpu.reg(Gpr::eax) = 0x12345678;
    REQUIRE(t.run({0x0F, 0x22, 0xD0}));  // cr2
    REQUIRE(t.run({0x0F, 0x20, 0xD1}));
    CHECK(t.cpu.reg(Gpr::ecx) == 0x12345678);
    t.cpu.reg(Gpr::eax) = 0x5000;
    REQUIRE(t.run({0x0F, 0x22, 0xD8}));  // cr3
    CHECK(t.translation.address_space == 1);
    REQUIRE(t.run({0x0F, 0x20, 0xDB}));
    CHECK(t.cpu.reg(Gpr::ebx) == 0x5000);

    t.cpu.reg(Gpr::eax) = t.cpu.cr0 | cr0::PG | cr0::WP;
    REQUIRE(t.run({0x0F, 0x22, 0xC0}));
    CHECK(t.translation.paging_mode == 1);
    CHECK(t.translation.sensitivity == 0);
    t.cpu.cr0 &= ~cr0::PG;
    t.cpu.reg(Gpr::eax) = t.cpu.cr0 | cr0::TS;
    REQUIRE(t.run({0x0F, 0x22, 0xC0}));
    CHECK(t.translation.sensitivity == 1);
    REQUIRE(t.run({0x0F, 0x06}));  // clts
    CHECK_FALSE(t.cpu.cr0 & cr0::TS);
    CHECK(t.translation.sensitivity == 2);

    t.cpu.reg(Gpr::eax) = cr4::PSE | cr4::PGE | cr4::DE | cr4::TSD | cr4::OSFXSR | cr4::OSXMMEXCPT;
    REQUIRE(t.run({0x0F, 0x22, 0xE0}));
    CHECK(t.translation.paging_mode == 2);
    CHECK(t.translation.sensitivity == 3);
    REQUIRE(t.run({0x0F, 0x20, 0xE6}));
    CHECK(t.cpu.reg(Gpr::esi) == t.cpu.reg(Gpr::eax));
}

TEST_CASE("impossible values of CR0 and reserved bits of CR4 are #GP(0)") {
    TestMachine t;
    const std::uint32_t good = t.cpu.cr0;
    for (std::uint32_t bad : {cr0::PG | cr0::ET, good | cr0::NW, good & ~cr0::PE}) {
        t.cpu.reg(Gpr::eax) = bad;
        CHECK(t.fault_of({0x0F, 0x22, 0xC0}) == Fault::gp(0));
    }
    t.cpu.reg(Gpr::eax) = good | 0x1F00FF00;  // reserved bits of CR0 are ignored
    REQUIRE(t.run({0x0F, 0x22, 0xC0}));
    CHECK(t.cpu.cr0 == good);
    for (std::uint32_t bad : {cr4::VME, cr4::PVI, cr4::PAE, cr4::MCE, 1u << 18, 1u << 20, 1u << 31}) {
        t.cpu.reg(Gpr::eax) = bad;
        CHECK(t.fault_of({0x0F, 0x22, 0xE0}) == Fault::gp(0));
    }
}

TEST_CASE("lmsw sets PE, MP, EM and TS, and cannot clear PE; smsw shows them") {
    TestMachine t;
    t.cpu.reg(Gpr::eax) = 0xFFFF;
    REQUIRE(t.run({0x0F, 0x01, 0xF0}));
    CHECK((t.cpu.cr0 & 0xF) == 0xF);
    t.cpu.reg(Gpr::eax) = 0;
    REQUIRE(t.run({0x0F, 0x01, 0xF0}));
    CHECK((t.cpu.cr0 & 0xF) == cr0::PE);

    t.become(3);
    t.cpu.reg(Gpr::eax) = 0xFFFFFFFF;
    REQUIRE(t.run({0x0F, 0x01, 0xE0}));
    CHECK(t.cpu.reg(Gpr::eax) == t.cpu.cr0);
    t.cpu.reg(Gpr::eax) = 0xFFFFFFFF;
    REQUIRE(t.run({0x66, 0x0F, 0x01, 0xE0}));
    CHECK(t.cpu.reg(Gpr::eax) == (0xFFFF0000 | (t.cpu.cr0 & 0xFFFF)));
    t.cpu.reg(Gpr::ebx) = kDataAt;
    t.put32(kDataAt, 0xFFFFFFFF);
    REQUIRE(t.run({0x0F, 0x01, 0x23}));
    CHECK(t.get32(kDataAt) == (0xFFFF0000 | (t.cpu.cr0 & 0xFFFF)));
}

TEST_CASE("invlpg names the linear address") {
    TestMachine t;
    t.cpu.segment(Seg::ds).base = 0x1000;
    t.cpu.reg(Gpr::ebx) = 0xC0002034;
    REQUIRE(t.run({0x0F, 0x01, 0x3B}));
    CHECK(t.translation.pages == std::vector<std::uint32_t>{0xC0003034});
}

TEST_CASE("debug registers keep their fixed bits, and DR4 and DR5 are aliases until CR4.DE") {
    TestMachine t;
    t.cpu.reg(Gpr::eax) = 0xFFFFFFFF & ~(1u << 13);
    REQUIRE(t.run({0x0F, 0x23, 0xF8}));
    CHECK(t.cpu.dr[7] == 0xFFFF07FF);
    t.cpu.reg(Gpr::eax) = 0;
    REQUIRE(t.run({0x0F, 0x23, 0xF0}));
    CHECK(t.cpu.dr[6] == 0xFFFF0FF0);
    REQUIRE(t.run({0x0F, 0x23, 0xE8}));  // dr5
    CHECK(t.cpu.dr[7] == 0x400);
    REQUIRE(t.run({0x0F, 0x21, 0xE3}));  // dr4
    CHECK(t.cpu.reg(Gpr::ebx) == 0xFFFF0FF0);
    t.cpu.cr4 |= cr4::DE;
    CHECK(t.fault_of({0x0F, 0x21, 0xE3}) == Fault::ud());
}

TEST_CASE("general detect turns a debug register access into #DB with BD set") {
    TestMachine t;
    t.cpu.dr[7] |= 1u << 13;
    const Emulated r = t.run({0x0F, 0x21, 0xC0});
    REQUIRE_FALSE(r);
    CHECK(r.fault() == Fault{Vector::DB, 0, 0});
    CHECK(t.cpu.dr[6] & 1u << 13);
    REQUIRE(t.run({0x0F, 0x21, 0xC0}));  // the handler may
}

TEST_CASE("no sensitive instruction takes a lock prefix") {
    TestMachine t;
    CHECK(t.fault_of({0xF0, 0xFA}) == Fault::ud());
    CHECK(t.fault_of({0xF0, 0x0F, 0x22, 0xD8}) == Fault::ud());
}
