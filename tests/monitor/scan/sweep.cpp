#include "monitor/scan/sweep.hpp"

#include <catch2/catch.hpp>
#include <random>

using namespace ringpress;

namespace {

struct Code {
    std::vector<std::byte> bytes;
    std::vector<Symbol> symbols;
    unsigned code_size = 4;
};

Code code_of(std::initializer_list<unsigned> bytes, std::vector<Symbol> symbols = {}) {
    Code code;
    for (const unsigned b : bytes) code.bytes.push_back(static_cast<std::byte>(b));
    code.symbols = std::move(symbols);
    return code;
}

constexpr std::uint32_t kBase = 0x1000;

std::vector<SweepStep> swept(const Code& code) {
    Decoder decoder;
    std::vector<SweepStep> steps;
    sweep({".text", kBase, code.bytes}, SymbolTable(code.symbols), decoder, code.code_size,
          [&](const SweepStep& step) { steps.push_back(step); });
    return steps;
}
std::vector<SweepKind> kinds(const Code& code) {
    std::vector<SweepKind> kinds;
    for (const SweepStep& step : swept(code)) kinds.push_back(step.kind);
    return kinds;
}
using K = SweepKind;

}  // namespace

TEST_CASE("A sweep goes from instruction to instruction") {
    const auto steps = swept(code_of({0x55, 0x89, 0xE5, 0xFA, 0xC3}));  // push ebp; mov ebp, esp; cli; ret
    REQUIRE(steps.size() == 4);
    CHECK(steps[1].length == 2);
    CHECK(steps[2].offset == 3);
    CHECK(steps[2].insn.id == InsnId::cli);
}

TEST_CASE("An instruction that the CPU model does not have is passed as a whole") {
    // vpxor ymm0, ymm0, ymm0; ud2; cli
    const auto steps = swept(code_of({0xC5, 0xFD, 0xEF, 0xC0, 0x0F, 0x0B, 0xFA}));
    REQUIRE(steps.size() == 3);
    CHECK(steps[0].kind == K::foreign);
    CHECK(steps[0].length == 4);
    CHECK(steps[1].kind == K::foreign);
    CHECK(steps[1].length == 2);
    CHECK(steps[2].kind == K::instruction);
}

TEST_CASE("Breakpoints behind a return are filler, and one that is reached is an instruction") {
    CHECK(kinds(code_of({0xC3, 0xCC, 0xCC, 0x90})) ==
          std::vector{K::instruction, K::filler, K::filler, K::instruction});
    CHECK(kinds(code_of({0x90, 0xCC, 0xCC})) == std::vector{K::instruction, K::instruction, K::filler});
    // A symbol says that something jumps there.
    CHECK(kinds(code_of({0xC3, 0xCC}, {{kBase + 1, 0, "trap_here"}})) ==
          std::vector{K::instruction, K::instruction});
}

TEST_CASE("Decoding starts over at a symbol that an instruction would run over") {
    // e8 is a call of five bytes; the symbol says that its third byte begins a function: sti, ret.
    const auto steps = swept(code_of({0xE8, 0x00, 0xFB, 0xC3, 0x00}, {{kBase + 2, 0, "f"}}));
    REQUIRE(steps.size() >= 3);
    CHECK(steps[0].kind == K::cut);
    CHECK(steps[0].length == 2);
    CHECK(steps[1].insn.id == InsnId::sti);
    CHECK(steps[1].offset == 2);
}

TEST_CASE("What symbols call data is no code, up to the next symbol") {
    // Fifteen bytes of data that look like cli, of which a function's symbol takes the last five back.
    Code code;
    code.bytes.assign(16, std::byte{0xFA});
    code.bytes[0] = std::byte{0xC3};
    code.symbols = {{kBase, 1, "f"}, {kBase + 1, 15, "table", 'd'}, {kBase + 11, 5, "g"}};
    const auto steps = swept(code);
    REQUIRE(steps.size() == 7);
    CHECK(steps[1].kind == K::data);
    CHECK(steps[1].length == 10);
    CHECK(steps[2].kind == K::instruction);
}

TEST_CASE("The end of a section may cut an instruction off") {
    CHECK(kinds(code_of({0x90, 0xE8, 0x00})) == std::vector{K::instruction, K::unknown, K::unknown});
}

TEST_CASE("16-bit code is read as such") {
    Code code = code_of({0xB8, 0x00, 0x00, 0xFA});  // mov ax, 0; cli
    code.code_size = 2;
    const auto steps = swept(code);
    REQUIRE(steps.size() == 2);
    CHECK(steps[1].insn.id == InsnId::cli);
}

TEST_CASE("A sweep covers every byte once, whatever the bytes and symbols are") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 300; ++round) {
        Code code;
        code.bytes.resize(1 + random() % 300);
        for (auto& b : code.bytes) b = static_cast<std::byte>(random());
        for (int i = 0; i < 8; ++i) {
            const char type = "TtdDA"[random() % 5];
            code.symbols.push_back({kBase - 20 + static_cast<std::uint32_t>(random() % 340),
                                    static_cast<std::uint32_t>(random() % 40), "s", type});
        }
        std::uint32_t at = 0;
        for (const SweepStep& step : swept(code)) {
            REQUIRE(step.offset == at);
            REQUIRE(step.length > 0);
            at += step.length;
        }
        CHECK(at == code.bytes.size());
    }
}
