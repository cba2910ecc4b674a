#include "traps/fpu_access.hpp"

#include <catch2/catch.hpp>

using namespace ringpress;

namespace {

constexpr std::uint8_t none = 255, UD = static_cast<std::uint8_t>(Vector::UD),
                       NM = static_cast<std::uint8_t>(Vector::NM);

/// The vector of the fault, or none.
std::uint8_t vector_of(FpuUse use, std::uint32_t cr0, std::uint32_t cr4 = cr4::OSFXSR) {
    VCpu cpu;
    cpu.cr0 = cr0;
    cpu.cr4 = cr4;
    const Result<void> r = check_fpu(use, cpu);
    return r ? none : static_cast<std::uint8_t>(r.fault().vector);
}

}  // namespace

TEST_CASE("x87 and wait instructions fault as SDM Vol. 3A, table 2-2 has it") {
    struct Row {
        std::uint32_t cr0;
        std::uint8_t x87, wait;
    };
    using namespace cr0;
    for (const Row& row :
         {Row{0, none, none}, Row{MP, none, none}, Row{TS, NM, none}, Row{TS | MP, NM, NM}, Row{EM, NM, none},
          Row{EM | MP, NM, none}, Row{EM | TS, NM, none}, Row{EM | TS | MP, NM, NM}}) {
        INFO("CR0 " << row.cr0);
        CHECK(vector_of(FpuUse::x87, row.cr0) == row.x87);
        CHECK(vector_of(FpuUse::wait, row.cr0) == row.wait);
        CHECK(vector_of(FpuUse::state, row.cr0) == row.x87);
        CHECK(vector_of(FpuUse::none, row.cr0) == none);
    }
}

TEST_CASE("nobody emulates MMX and SSE: with EM they are #UD, whatever TS says") {
    for (const FpuUse use : {FpuUse::mmx, FpuUse::sse}) {
        CHECK(vector_of(use, 0) == none);
        CHECK(vector_of(use, cr0::MP) == none);
        CHECK(vector_of(use, cr0::TS) == NM);
        CHECK(vector_of(use, cr0::EM) == UD);
        CHECK(vector_of(use, cr0::EM | cr0::TS) == UD);
    }
}

TEST_CASE("without CR4.OSFXSR SSE is #UD, and nothing else is") {
    CHECK(vector_of(FpuUse::sse, 0, 0) == UD);
    CHECK(vector_of(FpuUse::sse, cr0::TS, 0) == UD);
    CHECK(vector_of(FpuUse::mmx, 0, 0) == none);
    CHECK(vector_of(FpuUse::x87, 0, 0) == none);
    CHECK(vector_of(FpuUse::state, 0, 0) == none);
    CHECK(vector_of(FpuUse::state, cr0::TS, 0) == NM);
}
