#include "traps/fpu_operand.hpp"

namespace ringpress {

namespace {

/// D8..DF with a memory operand, by the low three bits of the opcode and ModRM.reg.  Negative: written.
/// SDM Vol. 2D, tables.  With 16-bit operands, environments are 14 and states 94 bytes long.
constexpr int kEnvironment = 28, kState = 108;
constexpr int kX87[8][8] = {
    {4, 4, 4, 4, 4, 4, 4, 4}, {4, 0, -4, -4, kEnvironment, 2, -kEnvironment, -2},
    {4, 4, 4, 4, 4, 4, 4, 4}, {4, -4, -4, -4, 0, 10, 0, -10},
    {8, 8, 8, 8, 8, 8, 8, 8}, {8, -8, -8, -8, kState, 0, -kState, -2},
    {2, 2, 2, 2, 2, 2, 2, 2}, {2, -2, -2, -2, 10, 8, -10, -8},
};

FpuOperand x87(const Instruction& insn) {
    constexpr int kShorter = 14;
    int size = kX87[insn.opcode & 7][insn.reg_field()];
    const bool write = size < 0;
    if (write) size = -size;
    if (insn.operand_size == 2 && (size == kEnvironment || size == kState)) size -= kShorter;
    return {static_cast<unsigned>(size), write};
}

/// Scalars by their prefix: F3 single, F2 double precision.
unsigned scalar(const Instruction& insn, unsigned packed) {
    return insn.prefix_rep == 0xF3 ? 4 : insn.prefix_rep == 0xF2 ? 8 : packed;
}

FpuOperand sse(const Instruction& insn) {
    const bool prefix66 = insn.operand_size == 2;
    const unsigned full = insn.fpu == FpuUse::mmx && !prefix66 ? 8 : 16;
    if (insn.opcode_map != 1) return {full, false};
    switch (insn.opcode) {
        case 0x10: return {scalar(insn, 16), false};
        case 0x11: return {scalar(insn, 16), true};
        case 0x12:
        case 0x16: return {insn.prefix_rep == 0xF3 ? 16u : 8u, false};
        case 0x13:
        case 0x17: return {8, true};
        case 0x29:
        case 0x2B: return {16, true};
        case 0x2A: return {insn.prefix_rep ? 4u : 8u, false};
        case 0x2C:
        case 0x2D: return {scalar(insn, prefix66 ? 16 : 8), false};
        case 0x2E:
        case 0x2F: return {prefix66 ? 8u : 4u, false};
        case 0x5A: return {insn.prefix_rep ? scalar(insn, 0) : prefix66 ? 16u : 8u, false};
        case 0x6E: return {4, false};
        case 0x7E:
            if (insn.prefix_rep == 0xF3) return {8, false};
            return {4, true};
        case 0x7F:
            if (insn.prefix_rep == 0xF3) return {16, true};
            return {full, true};
        case 0xAE:
            switch (insn.reg_field()) {
                case 0: return {512, true};   // fxsave
                case 1: return {512, false};  // fxrstor
                case 2: return {4, false};    // ldmxcsr
                case 3: return {4, true};     // stmxcsr
                default: return {1, false};
            }
        case 0xC4: return {2, false};
        case 0xD6: return {8, true};
        case 0xE6: return {insn.prefix_rep == 0xF3 ? 8u : 16u, false};
        case 0xE7: return {full, true};
        default: break;
    }
    const bool arithmetic = (insn.opcode >= 0x51 && insn.opcode <= 0x5F) || insn.opcode == 0xC2;
    return {arithmetic ? scalar(insn, full) : full, false};
}

}  // namespace

FpuOperand fpu_operand(const Instruction& insn) {
    if (!insn.has_memory) return {};
    if (insn.opcode_map == 0 && insn.opcode >= 0xD8 && insn.opcode <= 0xDF) return x87(insn);
    return sse(insn);
}

}  // namespace ringpress
