#include "traps/native_operand.hpp"

#include <capstone/capstone.h>

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "traps/decode.hpp"

using namespace ringpress;

namespace {

NativeOperand operand(std::vector<std::uint8_t> bytes) {
    static Decoder decoder;
    bytes.resize(16, 0x90);
    const Instruction insn = decoder.decode(bytes.data(), bytes.size());
    REQUIRE(insn.id == InsnId::innocuous);
    return native_operand(insn);
}

void check(const std::vector<std::uint8_t>& bytes, unsigned size, bool write) {
    const NativeOperand o = operand(bytes);
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

TEST_CASE("The operand of what later processors added is as long as the manual says") {
    check({0xF3, 0x0F, 0xB8, 0x03}, 4, false);               // popcnt
    check({0x66, 0xF3, 0x0F, 0xB8, 0x03}, 2, false);         // popcnt, 16-bit
    check({0xF2, 0x0F, 0x38, 0xF0, 0x03}, 1, false);         // crc32 of a byte
    check({0xF2, 0x0F, 0x38, 0xF1, 0x03}, 4, false);         // crc32
    check({0x0F, 0x38, 0xF0, 0x03}, 4, false);               // movbe
    check({0x66, 0x0F, 0x38, 0xF1, 0x03}, 2, true);          // movbe, to memory
    check({0x66, 0x0F, 0x3A, 0x14, 0x03, 0x01}, 1, true);    // pextrb
    check({0x66, 0x0F, 0x3A, 0x17, 0x03, 0x01}, 4, true);    // extractps
    check({0x66, 0x0F, 0x38, 0x22, 0x03}, 2, false);         // pmovsxbq
    check({0x66, 0x0F, 0x3A, 0x0F, 0x03, 0x01}, 16, false);  // palignr
}

TEST_CASE("A masked move stores some of the bytes at EDI") {
    for (const bool wide : {false, true}) {
        std::vector<std::uint8_t> bytes{0x0F, 0xF7, 0xC1};
        if (wide) bytes.insert(bytes.begin(), 0x66);
        const NativeOperand o = operand(bytes);
        CHECK(o.bytes == (wide ? 16 : 8));
        CHECK(o.write);
        CHECK(o.partial);
    }
    std::vector<std::uint8_t> in_es{0x26, 0x67, 0x0F, 0xF7, 0xC1};
    in_es.resize(16, 0x90);
    Decoder decoder;
    const Instruction insn = decoder.decode(in_es.data(), in_es.size());
    VCpu cpu;
    cpu.reg(Gpr::edi) = 0x12345678;
    CHECK(native_operand_segment(insn) == Seg::es);
    CHECK(native_operand_offset(cpu, insn) == 0x5678);
}

namespace {

/// What Capstone makes of an instruction, and of its memory operand.
struct Opinion {
    std::string mnemonic, text;
    unsigned bytes = 0;
};

class Capstone {
  public:
    Capstone() {
        REQUIRE(cs_open(CS_ARCH_X86, CS_MODE_32, &handle_) == CS_ERR_OK);
        cs_option(handle_, CS_OPT_DETAIL, CS_OPT_ON);
    }
    ~Capstone() { cs_close(&handle_); }
    Opinion about(const std::vector<std::uint8_t>& bytes) {
        cs_insn* insn = nullptr;
        if (cs_disasm(handle_, bytes.data(), bytes.size(), 0, 1, &insn) != 1) return {};
        Opinion opinion{insn->mnemonic, std::string(insn->mnemonic) + " " + insn->op_str};
        const cs_x86& x86 = insn->detail->x86;
        for (unsigned i = 0; i < x86.op_count; ++i)
            if (x86.operands[i].type == X86_OP_MEM) opinion.bytes = x86.operands[i].size;
        cs_free(insn, 1);
        // Where it differs from the manual: scalars, the low halves that MMX unpacks, and a long operand.
        constexpr std::pair<const char*, unsigned> kManual[] = {
            {"comiss", 4}, {"comisd", 8}, {"fxsave", 512}, {"fxrstor", 512}};
        for (const auto& [name, size] : kManual)
            if (opinion.mnemonic == name) opinion.bytes = size;
        if (opinion.mnemonic.starts_with("punpckl") && opinion.bytes == 8) opinion.bytes = 4;
        return opinion;
    }

  private:
    csh handle_{};
};

}  // namespace

TEST_CASE("Capstone shares the opinion on every operand of MMX and SSE") {
    Decoder decoder;
    Capstone capstone;
    unsigned compared = 0;
    for (unsigned i = 0; i < 4 * 3 * 256 * 8; ++i) {
        constexpr std::uint8_t kPrefixes[] = {0, 0x66, 0xF2, 0xF3}, kMaps[] = {0, 0x38, 0x3A};
        const std::uint8_t prefix = kPrefixes[i % 4], map = kMaps[i / 4 % 3];
        std::vector<std::uint8_t> bytes{0x0F};
        if (map) bytes.push_back(map);
        bytes.push_back(static_cast<std::uint8_t>(i / 12 % 256));
        bytes.push_back(static_cast<std::uint8_t>(i / 3072 << 3 | 3));  // [ebx]
        bytes.resize(14, 0x01);
        const Opinion bare = capstone.about(bytes);
        if (prefix) bytes.insert(bytes.begin(), prefix);
        const Instruction insn = decoder.decode(bytes.data(), bytes.size());
        if (insn.id != InsnId::innocuous || insn.fpu == FpuUse::none || !insn.has_memory) continue;
        const Opinion theirs = capstone.about(bytes);
        // Capstone ignores F2 and F3 where they mean nothing; processors have no such instructions.
        if (insn.prefix_rep && theirs.text == bare.text) continue;
        INFO(theirs.text << ", with prefix " << unsigned(prefix));
        CHECK(native_operand(insn).bytes == theirs.bytes);
        ++compared;
    }
    CHECK(compared > 1000);
}
