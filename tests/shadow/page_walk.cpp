#include "shadow/page_walk.hpp"

#include <catch2/catch.hpp>
#include <vector>

using namespace ringpress;

namespace {

struct Tables {
    static constexpr std::uint32_t kRam = 64 * kPageSize, kDirectory = 0x1000, kTable = 0x2000;
    std::vector<std::uint32_t> words = std::vector<std::uint32_t>(kRam / 4);
    VCpu cpu;

    Tables() {
        cpu.cr0 = cr0::PE | cr0::PG | cr0::WP;
        cpu.cr3 = kDirectory;
        cpu.cr4 = cr4::PSE | cr4::PGE;
    }
    std::uint32_t& pde(std::uint32_t address) { return words[kDirectory / 4 + (address >> 22)]; }
    std::uint32_t& pte(std::uint32_t address) { return words[kTable / 4 + ((address >> 12) & 1023)]; }
    void map(std::uint32_t address, std::uint32_t pde_bits, std::uint32_t pte_bits,
             std::uint32_t frame = 0x5000) {
        pde(address) = kTable | pde_bits;
        pte(address) = frame | pte_bits;
    }
    Result<Translation> walk(std::uint32_t address, Access access, bool set_bits = true) {
        return ringpress::walk(cpu, reinterpret_cast<std::uint8_t*>(words.data()), kRam, gva(address), access,
                               set_bits);
    }
};

constexpr std::uint32_t P = 1, RW = 2, US = 4, A = 0x20, D = 0x40, PS = 0x80, G = 0x100;
constexpr std::uint32_t kAt = 0xC0003004;

}  // namespace

TEST_CASE("without paging a linear address is the physical one") {
    Tables t;
    t.cpu.cr0 = cr0::PE;
    const auto r = t.walk(0xFFFFF123, Access::store(true));
    REQUIRE(r);
    CHECK(r.value().physical.value == 0xFFFFF123);
    CHECK(r.value().writable);
}

TEST_CASE("a missing entry at either level faults with P clear, and names the access") {
    Tables t;
    CHECK(t.walk(kAt, Access::read(false)).fault() == Fault::pf(0, kAt));
    t.pde(kAt) = Tables::kTable | P | RW | US;
    CHECK(t.walk(kAt, Access::store(true)).fault() == Fault::pf(pf_error::W | pf_error::U, kAt));
    CHECK(t.walk(kAt, Access::execute(true)).fault() == Fault::pf(pf_error::U, kAt));
}

TEST_CASE("rights are the conjunction of both levels, for each privilege and CR0.WP") {
    for (unsigned pde = 0; pde < 4; ++pde)
        for (unsigned pte = 0; pte < 4; ++pte)
            for (bool wp : {false, true}) {
                Tables t;
                if (!wp) t.cpu.cr0 &= ~cr0::WP;
                t.map(kAt, P | pde << 1, P | pte << 1);
                const bool rw = pde & pte & 1, us = pde & pte & 2;
                INFO("pde " << pde << " pte " << pte << " wp " << wp);
                CHECK(bool(t.walk(kAt, Access::read(false), false)));
                CHECK(bool(t.walk(kAt, Access::store(false), false)) == (rw || !wp));
                CHECK(bool(t.walk(kAt, Access::read(true), false)) == us);
                CHECK(bool(t.walk(kAt, Access::store(true), false)) == (us && rw));
                const auto r = t.walk(kAt, Access::read(false), false);
                CHECK(r.value().writable == (rw || !wp));
                CHECK(r.value().rw == rw);
                CHECK(r.value().user == us);
            }
}

TEST_CASE("a protection violation has P set in its error code") {
    Tables t;
    t.map(kAt, P, P);
    CHECK(t.walk(kAt, Access::store(true)).fault() ==
          Fault::pf(pf_error::P | pf_error::W | pf_error::U, kAt));
    CHECK(t.walk(kAt, Access::store(false)).fault() == Fault::pf(pf_error::P | pf_error::W, kAt));
}

TEST_CASE("Accessed and Dirty are set by allowed accesses, and by no others") {
    Tables t;
    t.map(kAt, P | RW | US, P | RW | US);
    CHECK_FALSE(t.walk(kAt, Access::read(true), false).value().dirty);
    CHECK((t.pde(kAt) & (A | D)) == 0);
    CHECK((t.pte(kAt) & (A | D)) == 0);
    CHECK_FALSE(t.walk(kAt, Access::read(true)).value().dirty);
    CHECK((t.pde(kAt) & (A | D)) == A);
    CHECK((t.pte(kAt) & (A | D)) == A);
    CHECK(t.walk(kAt, Access::store(true)).value().dirty);
    CHECK((t.pde(kAt) & (A | D)) == A);
    CHECK((t.pte(kAt) & (A | D)) == (A | D));

    Tables refused;
    refused.map(kAt, P | US, P | US);
    CHECK_FALSE(refused.walk(kAt, Access::store(true)));
    CHECK((refused.pde(kAt) & A) == 0);
    CHECK((refused.pte(kAt) & (A | D)) == 0);
}

TEST_CASE("a 4 MiB page needs CR4.PSE, and its reserved bits are checked") {
    Tables t;
    t.pde(kAt) = 0x00800000 | P | RW | US | PS | G;
    auto r = t.walk(kAt, Access::store(true));
    REQUIRE(r);
    CHECK(r.value().physical.value == (0x00800000 | (kAt & 0x3FFFFF)));
    CHECK(r.value().large);
    CHECK(r.value().global);
    CHECK((t.pde(kAt) & (A | D)) == (A | D));

    t.pde(kAt) |= 1u << 12;  // PAT, not reserved
    CHECK(t.walk(kAt, Access::read(true)));
    for (unsigned bit = 13; bit <= 21; ++bit) {
        t.pde(kAt) = 0x00800000 | P | US | PS | 1u << bit;
        CHECK(t.walk(kAt, Access::read(true)).fault() ==
              Fault::pf(pf_error::P | pf_error::U | pf_error::RSVD, kAt));
    }

    t.cpu.cr4 = 0;
    t.pde(kAt) = Tables::kTable | P | RW | US | PS;
    t.pte(kAt) = 0x5000 | P | RW | US | G;
    r = t.walk(kAt, Access::read(true));
    REQUIRE(r);
    CHECK(r.value().physical.value == 0x5004);
    CHECK_FALSE(r.value().large);
    CHECK_FALSE(r.value().global);  // CR4.PGE is off
}

TEST_CASE("tables that lie outside RAM read as ones") {
    Tables t;
    t.pde(kAt) = 0x70000000 | P | RW | US;
    const auto r = t.walk(kAt, Access::store(true));
    REQUIRE(r);
    CHECK(r.value().physical.value == 0xFFFFF004);
}
