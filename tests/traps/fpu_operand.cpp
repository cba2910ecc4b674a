#include "traps/fpu_operand.hpp"

#include <catch2/catch.hpp>
#include <vector>

#include "traps/decode.hpp"

using namespace ringpress;

namespace {

FpuOperand operand(std::vector<std::uint8_t> bytes) {
    static Decoder decoder;
    bytes.resize(16, 0x90);
    const Instruction insn = decoder.decode(bytes.data(), bytes.size());
    REQUIRE(insn.id == InsnId::innocuous);
    REQUIRE(insn.fpu != FpuUse::none);
    return fpu_operand(insn);
}

void check(const std::vector<std::uint8_t>& bytes, unsigned size, bool write) {
    const FpuOperand o = operand(bytes);
    CHECK(o.bytes == size);
    CHECK((o.write || size == 0) == (write || size == 0));
}

}  // namespace

TEST_CASE("The operand of an x87 instruction is as long as the manual says") {
    check({0xD9, 0x03}, 4, false);         // fld m32
    check({0xDD, 0x03}, 8, false);         // fld m64
    check({0xDB, 0x2B}, 10, false);        // fld m80
    check({0xDB, 0x3B}, 10, true);         // fstp m80
    check({0xD9, 0x1B}, 4, true);          // fstp m32
    check({0xDD, 0x13}, 8, true);          // fst m64
    check({0xDF, 0x3B}, 8, true);          // fistp m64
    check({0xDF, 0x1B}, 2, true);          // fistp m16
    check({0xDE, 0x03}, 2, false);         // fiadd m16
    check({0xD9, 0x33}, 28, true);         // fnstenv
    check({0x66, 0xD9, 0x33}, 14, true);   // the same, 16-bit
    check({0xDD, 0x33}, 108, true);        // fnsave
    check({0x66, 0xDD, 0x23}, 94, false);  // frstor, 16-bit
    check({0xDD, 0x3B}, 2, true);          // fnstsw m16
    check({0xD9, 0xE8}, 0, false);         // fld1
}

TEST_CASE("The operand of an MMX or SSE instruction is as long as the manual says") {
    check({0x0F, 0x10, 0x03}, 16, false);       // movups
    check({0x0F, 0x11, 0x03}, 16, true);        // movups, to memory
    check({0xF3, 0x0F, 0x11, 0x03}, 4, true);   // movss
    check({0xF2, 0x0F, 0x10, 0x03}, 8, false);  // movsd
    check({0x0F, 0x13, 0x03}, 8, true);         // movlps
    check({0x0F, 0x6F, 0x03}, 8, false);        // movq, MMX
    check({0x66, 0x0F, 0x7F, 0x03}, 16, true);  // movdqa
    check({0x66, 0x0F, 0xD6, 0x03}, 8, true);   // movq
    check({0xF3, 0x0F, 0x58, 0x03}, 4, false);  // addss
    check({0x0F, 0x58, 0x03}, 16, false);       // addps
    check({0x0F, 0xAE, 0x03}, 512, true);       // fxsave
    check({0x0F, 0xAE, 0x1B}, 4, true);         // stmxcsr
    check({0x0F, 0x2E, 0x03}, 4, false);        // ucomiss
    check({0x0F, 0x28, 0xC1}, 0, false);        // movaps, registers
}
