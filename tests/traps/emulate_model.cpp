#include "tests/traps/test_machine.hpp"
#include "traps/cpuid_model.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {

void cpuid(TestMachine& t, std::uint32_t leaf) {
    t.cpu.reg(Gpr::eax) = leaf;
    t.cpu.reg(Gpr::ecx) = 0;
    REQUIRE(t.run({0x0F, 0xA2}));
}

bool read_msr(TestMachine& t, std::uint32_t number) {
    t.cpu.reg(Gpr::ecx) = number;
    const Emulated r = t.run({0x0F, 0x32});
    if (!r) CHECK(r.fault() == Fault::gp(0));
    return bool(r);
}

bool write_msr(TestMachine& t, std::uint32_t number, std::uint64_t value) {
    t.cpu.reg(Gpr::ecx) = number;
    t.cpu.reg(Gpr::eax) = static_cast<std::uint32_t>(value);
    t.cpu.reg(Gpr::edx) = static_cast<std::uint32_t>(value >> 32);
    const Emulated r = t.run({0x0F, 0x30});
    if (!r) CHECK(r.fault() == Fault::gp(0));
    return bool(r);
}

}  // namespace

TEST_CASE("The model offers of the host only what FXSAVE covers, and its caches as those of one processor") {
    const CpuModel model = host_cpu_model(true);
    constexpr std::uint32_t kXsave = 3u << 26, kAvx = 1u << 28, kFma = 1u << 12, kHypervisor = 1u << 31;
    CHECK((model.features_ecx & (kXsave | kAvx | kFma | kHypervisor)) == 0);
    bool over = false;
    for (std::uint32_t part = 0; part < CpuModel::kCaches + 2; ++part) {
        const CpuidLeaf cache = cpuid_leaf(model, 4, part, true);
        const std::uint32_t type = cache.eax & 31, level = cache.eax >> 5 & 7;
        over |= type == 0;
        CHECK((type == 0) == over);
        if (over) continue;
        CHECK(type <= 3);
        CHECK((level >= 1 && level <= 4));
        CHECK((cache.eax >> 14) == 0);
        CHECK((cache.ebx & 0xFFF) + 1 >= 32);  // bytes in a line
    }
}

TEST_CASE("cpuid shows the model's vendor, features and name, at any privilege") {
    TestMachine t;
    t.become(3);
    cpuid(t, 0);
    char vendor[13] = {};
    std::memcpy(vendor, &t.cpu.reg(Gpr::ebx), 4);
    std::memcpy(vendor + 4, &t.cpu.reg(Gpr::edx), 4);
    std::memcpy(vendor + 8, &t.cpu.reg(Gpr::ecx), 4);
    CHECK(std::string(vendor) == "GenuineIntel");
    const std::uint32_t last = t.cpu.reg(Gpr::eax);

    cpuid(t, 1);
    const std::uint32_t edx = t.cpu.reg(Gpr::edx);
    CHECK(t.cpu.reg(Gpr::ecx) == t.model.features_ecx);
    for (unsigned has : {0u, 2u, 3u, 4u, 5u, 8u, 9u, 13u, 15u, 23u, 24u, 25u, 26u})
        CHECK((edx >> has & 1u) == 1);
    for (unsigned lacks : {1u, 6u, 7u, 11u, 12u, 14u, 17u, 19u}) CHECK((edx >> lacks & 1u) == 0);
    t.cpu.msr.apic_base &= ~(1u << 11);
    cpuid(t, 1);
    CHECK(t.cpu.reg(Gpr::edx) == (edx & ~(1u << 9)));

    std::string brand;
    for (std::uint32_t leaf = 0x80000002; leaf <= 0x80000004; ++leaf) {
        cpuid(t, leaf);
        for (Gpr r : {Gpr::eax, Gpr::ebx, Gpr::ecx, Gpr::edx})
            brand.append(reinterpret_cast<char*>(&t.cpu.reg(r)), 4);
    }
    CHECK(brand.substr(0, 22) == "ringpress virtual i686");

    cpuid(t, last + 1);
    const std::uint32_t beyond = t.cpu.reg(Gpr::edx);
    cpuid(t, last);
    CHECK(t.cpu.reg(Gpr::edx) == beyond);
}

TEST_CASE("a board without a local APIC shows none") {
    TestMachine t;
    t.model = host_cpu_model(false);
    cpuid(t, 1);
    CHECK((t.cpu.reg(Gpr::edx) & 1u << 9) == 0);
    CHECK_FALSE(read_msr(t, 0x1B));
}

TEST_CASE("rdtsc counts, and CR4.TSD keeps it from user mode") {
    TestMachine t;
    REQUIRE(t.run({0x0F, 0x31}));
    const std::uint32_t first = t.cpu.reg(Gpr::eax);
    CHECK(t.cpu.reg(Gpr::edx) == 1);
    t.cpu.cr4 |= cr4::TSD;
    REQUIRE(t.run({0x0F, 0x31}));
    CHECK(t.cpu.reg(Gpr::eax) > first);
    t.become(3);
    CHECK(t.fault_of({0x0F, 0x31}) == Fault::gp(0));
}

TEST_CASE("what the model lacks is #UD or #GP") {
    TestMachine t;
    CHECK(t.fault_of({0x0F, 0x01, 0xF9}) == Fault::ud());
    CHECK(t.fault_of({0x0F, 0x01, 0xD0}) == Fault::ud());
    CHECK(t.fault_of({0x0F, 0x01, 0xD1}) == Fault::ud());
    CHECK(t.fault_of({0x0F, 0x33}) == Fault::gp(0));
    for (std::uint32_t msr : {0x174u, 0x175u, 0x179u, 0xC0000080u, 0xC0000081u, 0x48u, 0x12345678u}) {
        CHECK_FALSE(read_msr(t, msr));
        CHECK_FALSE(write_msr(t, msr, 0));
    }
}

TEST_CASE("model-specific registers keep what they may hold") {
    TestMachine t;
    REQUIRE(write_msr(t, 0x277, 0x0007010600070106));
    REQUIRE(read_msr(t, 0x277));
    CHECK(t.cpu.reg(Gpr::eax) == 0x00070106);
    CHECK(t.cpu.reg(Gpr::edx) == 0x00070106);
    CHECK_FALSE(write_msr(t, 0x277, 2));
    CHECK_FALSE(write_msr(t, 0x277, 0x0800000000000000));

    REQUIRE(write_msr(t, 0x1B, 0xFED00800));
    CHECK(t.cpu.msr.apic_base == 0xFED00900);  // the BSP bit is read-only
    CHECK_FALSE(write_msr(t, 0x1B, 0xFEE00C00));

    REQUIRE(read_msr(t, 0x10A));
    CHECK((t.cpu.reg(Gpr::eax) & 1u) == 1);  // RDCL_NO
    CHECK_FALSE(write_msr(t, 0x10A, 0));
    for (std::uint32_t msr : {0x17u, 0xFEu, 0x8Bu, 0x1A0u, 0x2FFu}) CHECK(read_msr(t, msr));
}

TEST_CASE("writing the time-stamp counter moves the offset") {
    TestMachine t;
    t.time.tsc = 1000;
    REQUIRE(write_msr(t, 0x10, 500));
    CHECK(t.cpu.msr.tsc_offset == 500 - std::uint64_t{1010});
    CHECK(t.translation.sensitivity == 1);
}

TEST_CASE("the guest finds on record what it has added to the time-stamp counter") {
    TestMachine t;
    t.cpu.msr.tsc_offset = 7000;  // the monitor's doing
    REQUIRE(read_msr(t, 0x3B));
    CHECK(t.cpu.reg(Gpr::eax) == 0);
    t.time.tsc = 1000;
    REQUIRE(write_msr(t, 0x10, 1510));
    REQUIRE(read_msr(t, 0x3B));
    CHECK(t.cpu.reg(Gpr::eax) == 500);
    REQUIRE(write_msr(t, 0x3B, 0));
    CHECK(t.cpu.msr.tsc_offset == 7000);
    CHECK(t.cpu.msr.tsc_adjust == 0);
}
