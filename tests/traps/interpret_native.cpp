// The interpreter against the processor: the same bytes, the same registers, run both ways.  The test is a
// 64-bit program; register forms and [edi + disp8] forms of 32-bit code mean the same there, apart
// from 40..4F and what touches the stack, which have tests of their own.
#include <sys/mman.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "tests/traps/test_machine.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {

struct State {
    std::uint32_t gpr[8];  // esp is not used
    std::uint32_t flags;
};

/// A code buffer that loads State, runs one instruction, and stores State.
class Native {
  public:
    Native() {
        constexpr int rights = PROT_READ | PROT_WRITE;
        code_ = static_cast<std::uint8_t*>(
            mmap(nullptr, 4096, rights | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        data_ = static_cast<std::uint8_t*>(
            mmap(nullptr, 4096, rights, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
        REQUIRE(code_ != MAP_FAILED);
        REQUIRE(data_ != MAP_FAILED);
    }
    ~Native() {
        munmap(code_, 4096);
        munmap(data_, 4096);
    }
    std::uint8_t* data() { return data_; }
    std::uint32_t data_address() {
        return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(data_));
    }

    void run(State& state, const std::uint8_t* insn, unsigned length) {
        at_ = 0;
        emit({0x53, 0x55, 0x41, 0x57, 0x49, 0x89, 0xFF});  // push rbx, rbp, r15; mov r15, rdi
        emit({0x41, 0xFF, 0x77, 0x20, 0x9D});              // push [r15+32]; popf
        for (unsigned r = 0; r < 8; ++r)
            if (r != 4) emit({0x41, 0x8B, 0x47 | r << 3, 4 * r});  // mov r, [r15+4r]
        for (unsigned i = 0; i < length; ++i) emit({insn[i]});
        for (unsigned r = 0; r < 8; ++r)
            if (r != 4) emit({0x41, 0x89, 0x47 | r << 3, 4 * r});
        emit({0x9C, 0x58, 0x41, 0x89, 0x47, 0x20, 0xFC});  // pushf; pop rax; mov [r15+32], eax; cld
        emit({0x41, 0x5F, 0x5D, 0x5B, 0xC3});              // pop r15, rbp, rbx; ret
        std::uint64_t padded[5] = {};
        std::memcpy(padded, &state, sizeof state);
        reinterpret_cast<void (*)(void*)>(code_)(padded);
        std::memcpy(&state, padded, sizeof state);
    }

  private:
    void emit(std::initializer_list<unsigned> bytes) {
        for (unsigned b : bytes) code_[at_++] = static_cast<std::uint8_t>(b);
    }
    std::uint8_t *code_ = nullptr, *data_ = nullptr;
    unsigned at_ = 0;
};

struct Form {
    const char* name;
    std::vector<std::uint8_t> opcode;
    int group = -1;          ///< the ModRM reg field, or -1 for a register operand
    unsigned immediate = 0;  ///< bytes; 4 means by operand size
    bool modrm = true;
    bool memory_only = false;
    bool bit_string = false;  ///< the register operand reaches beyond the memory operand
};

std::vector<Form> forms() {
    std::vector<Form> f;
    const char* const alu[] = {"add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"};
    for (unsigned op = 0; op < 8; ++op) {
        for (unsigned form = 0; form < 4; ++form) f.push_back({alu[op], {std::uint8_t(op * 8 + form)}});
        f.push_back({alu[op], {std::uint8_t(op * 8 + 4)}, -1, 1, false});
        f.push_back({alu[op], {std::uint8_t(op * 8 + 5)}, -1, 4, false});
        f.push_back({alu[op], {0x80}, int(op), 1});
        f.push_back({alu[op], {0x81}, int(op), 4});
        f.push_back({alu[op], {0x83}, int(op), 1});
    }
    const char* const shifts[] = {"rol", "ror", "rcl", "rcr", "shl", "shr", "sal", "sar"};
    for (unsigned op = 0; op < 8; ++op) {
        for (unsigned code : {0xC0u, 0xC1u}) f.push_back({shifts[op], {std::uint8_t(code)}, int(op), 1});
        for (unsigned code : {0xD0u, 0xD1u, 0xD2u, 0xD3u})
            f.push_back({shifts[op], {std::uint8_t(code)}, int(op)});
    }
    for (unsigned code : {0xF6u, 0xF7u}) {
        f.push_back({"test", {std::uint8_t(code)}, 0, code == 0xF6 ? 1u : 4u});
        const char* const unary[] = {"not", "neg", "mul", "imul", "div", "idiv"};
        for (int op = 2; op < 8; ++op) f.push_back({unary[op - 2], {std::uint8_t(code)}, op});
    }
    for (unsigned code : {0xFEu, 0xFFu})
        for (int op = 0; op < 2; ++op) f.push_back({op ? "dec" : "inc", {std::uint8_t(code)}, op});
    for (unsigned code : {0x84u, 0x85u}) f.push_back({"test", {std::uint8_t(code)}});
    for (unsigned code : {0x86u, 0x87u}) f.push_back({"xchg", {std::uint8_t(code)}});
    for (unsigned code : {0x88u, 0x89u, 0x8Au, 0x8Bu}) f.push_back({"mov", {std::uint8_t(code)}});
    f.push_back({"mov", {0xC6}, 0, 1});
    f.push_back({"mov", {0xC7}, 0, 4});
    f.push_back({"lea", {0x8D}, -1, 0, true, true});
    f.push_back({"imul", {0x69}, -1, 4});
    f.push_back({"imul", {0x6B}, -1, 1});
    f.push_back({"imul", {0x0F, 0xAF}});
    f.push_back({"test", {0xA8}, -1, 1, false});
    f.push_back({"test", {0xA9}, -1, 4, false});
    for (unsigned code :
         {0x98u, 0x99u, 0x9Eu, 0x9Fu, 0xF5u, 0xF8u, 0xF9u, 0xFCu, 0xFDu, 0x90u, 0x91u, 0x93u, 0x96u})
        f.push_back({"one byte", {std::uint8_t(code)}, -1, 0, false});
    for (unsigned r : {0u, 3u, 5u, 7u}) {
        f.push_back({"mov imm8", {std::uint8_t(0xB0 + r)}, -1, 1, false});
        f.push_back({"mov imm", {std::uint8_t(0xB8 + r)}, -1, 4, false});
    }
    for (unsigned c = 0; c < 16; ++c) {
        f.push_back({"cmov", {0x0F, std::uint8_t(0x40 + c)}});
        f.push_back({"setcc", {0x0F, std::uint8_t(0x90 + c)}, 0});
    }
    for (unsigned code : {0xB6u, 0xB7u, 0xBEu, 0xBFu}) f.push_back({"extend", {0x0F, std::uint8_t(code)}});
    for (unsigned code : {0xBCu, 0xBDu}) f.push_back({"bsf/bsr", {0x0F, std::uint8_t(code)}});
    for (unsigned code : {0xA3u, 0xABu, 0xB3u, 0xBBu})
        f.push_back({"bit test", {0x0F, std::uint8_t(code)}, -1, 0, true, false, true});
    for (int op = 4; op < 8; ++op) f.push_back({"bit test", {0x0F, 0xBA}, op, 1});
    for (unsigned code : {0xA4u, 0xACu}) f.push_back({"shld/shrd", {0x0F, std::uint8_t(code)}, -1, 1});
    for (unsigned code : {0xA5u, 0xADu}) f.push_back({"shld/shrd", {0x0F, std::uint8_t(code)}});
    for (unsigned code : {0xB0u, 0xB1u}) f.push_back({"cmpxchg", {0x0F, std::uint8_t(code)}});
    for (unsigned code : {0xC0u, 0xC1u}) f.push_back({"xadd", {0x0F, std::uint8_t(code)}});
    f.push_back({"cmpxchg8b", {0x0F, 0xC7}, 1, 0, true, true});
    f.push_back({"movnti", {0x0F, 0xC3}, -1, 0, true, true});
    for (unsigned r : {0u, 3u, 7u}) f.push_back({"bswap", {0x0F, std::uint8_t(0xC8 + r)}, -1, 0, false});
    for (unsigned code : {0xA4u, 0xA5u, 0xA6u, 0xA7u, 0xAAu, 0xABu, 0xACu, 0xADu, 0xAEu, 0xAFu})
        f.push_back({"string", {std::uint8_t(code)}, -1, 0, false});
    return f;
}

}  // namespace

TEST_CASE("interpreted instructions leave the registers, flags and memory that the processor leaves") {
    const unsigned seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    Native native;
    TestMachine t;
    constexpr unsigned kArea = 256;
    // The guest sees its own copy of the data page at the very address at which the host has it.
    for (Seg s : {Seg::ds, Seg::es, Seg::ss}) t.cpu.segment(s).base = kDataAt - native.data_address();

    const auto value = [&]() -> std::uint32_t {
        switch (random() % 4) {
            case 0: return random() % 64 - 8;
            case 1: return 1u << random() % 32;
            case 2: return 0u - (1u << random() % 32);
            default: return random();
        }
    };

    unsigned divided = 0, refused = 0;
    for (unsigned round = 0; round < 60; ++round) {
        for (const Form& form : forms()) {
            const bool string = std::string(form.name) == "string", bswap = std::string(form.name) == "bswap";
            const bool nontemporal = std::string(form.name) == "movnti";
            std::vector<std::uint8_t> bytes;
            const bool word = random() % 3 == 0 && !bswap && !nontemporal;
            if (word) bytes.push_back(0x66);
            if (string && random() % 2) bytes.push_back(random() % 2 ? 0xF2 : 0xF3);
            bytes.insert(bytes.end(), form.opcode.begin(), form.opcode.end());
            const bool memory = form.modrm && (form.memory_only || random() % 2);
            if (form.modrm) {
                // Neither esp nor, as a destination that must survive, edi takes part as a register.
                constexpr unsigned usable[] = {0, 1, 2, 3, 5, 6};
                const unsigned reg = form.group >= 0 ? unsigned(form.group) : usable[random() % 6];
                if (memory) {
                    bytes.push_back(std::uint8_t(0x47 | reg << 3));
                    bytes.push_back(std::uint8_t(random() % 32));
                } else {
                    bytes.push_back(std::uint8_t(0xC0 | reg << 3 | usable[random() % 6]));
                }
            }
            const unsigned immediate = form.immediate == 4 ? (word ? 2 : 4) : form.immediate;
            const std::uint32_t v = value();
            for (unsigned i = 0; i < immediate; ++i) bytes.push_back(std::uint8_t(v >> 8 * i));

            State state{};
            for (auto& r : state.gpr) r = value();
            state.flags = (random() & (eflags::kArithmetic | eflags::DF)) | eflags::FIXED1 | eflags::IF;
            if (form.bit_string && memory)
                for (auto& r : state.gpr) r = random() % 512 - 256;
            state.gpr[7] = native.data_address() + 96 + random() % 32;
            if (string) {
                state.gpr[6] = native.data_address() + 96 + random() % 32;
                state.gpr[1] = random() % 12;
            }
            for (unsigned i = 0; i < kArea; ++i)
                native.data()[i] = std::uint8_t(random() % 4 ? random() : i % 3);
            std::memcpy(t.storage.get() + kDataAt, native.data(), kArea);

            for (unsigned r = 0; r < 8; ++r)
                if (r != 4) t.cpu.gpr[r] = state.gpr[r];
            t.cpu.eflags = state.flags;
            const Instruction insn = t.decoder.decode(bytes.data(), bytes.size());
            INFO(form.name << ", opcode " << std::hex << unsigned(insn.opcode) << " modrm "
                           << unsigned(insn.modrm) << ", width " << (word ? 2 : 4));
            REQUIRE(insn.length == bytes.size());
            Interpreted r = interpret(t.m, insn);
            REQUIRE(r.handled);
            while (r.result && r.result.value() == Next::repeat) r = interpret(t.m, insn);
            if (!r.result) {
                REQUIRE(r.result.fault() == Fault{Vector::DE, 0, 0});
                ++refused;
                continue;
            }
            if (std::string(form.name).find("div") != std::string::npos) ++divided;
            const State before = state;
            native.run(state, bytes.data(), insn.length);
            for (unsigned reg = 0; reg < 8; ++reg) {
                if (reg == 4) continue;
                INFO("register " << reg << ", flags before " << before.flags << ", was " << before.gpr[reg]);
                REQUIRE(t.cpu.gpr[reg] == state.gpr[reg]);
            }
            REQUIRE((t.cpu.eflags & (eflags::kArithmetic | eflags::DF)) ==
                    (state.flags & (eflags::kArithmetic | eflags::DF)));
            REQUIRE(std::memcmp(t.storage.get() + kDataAt, native.data(), kArea) == 0);
        }
    }
    CHECK(divided > 0);
    CHECK(refused > 0);
}
