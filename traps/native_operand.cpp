#include "traps/native_operand.hpp"

#include "traps/emulate.hpp"

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

NativeOperand x87(const Instruction& insn) {
    constexpr int kShorter = 14;
    int size = kX87[insn.opcode & 7][insn.reg_field()];
    const bool write = size < 0;
    if (write) size = -size;
    if (insn.operand_size == 2 && (size == kEnvironment || size == kState)) size -= kShorter;
    return {static_cast<unsigned>(size), write};
}

/// In 16-bit code the operand size does not tell of a 66.
bool has_prefix_66(const Instruction& insn) {
    for (const std::uint8_t* byte = insn.bytes; *byte != 0x0F; ++byte)
        if (*byte == 0x66) return true;
    return false;
}

/// Scalars by their prefix: F3 single, F2 double precision.
unsigned scalar(const Instruction& insn, unsigned packed) {
    return insn.prefix_rep == 0xF3 ? 4 : insn.prefix_rep == 0xF2 ? 8 : packed;
}

bool is_masked_move(const Instruction& insn) {  // maskmovq, maskmovdqu: to [edi], without saying so
    return insn.opcode_map == 1 && insn.opcode == 0xF7;
}

/// 0F xx, SDM Vol. 2D, table A-3.
NativeOperand two_byte(const Instruction& insn) {
    const bool prefix66 = has_prefix_66(insn);
    const unsigned full = insn.fpu == FpuUse::mmx && !prefix66 ? 8 : 16;
    switch (insn.opcode) {
        case 0x10: return {scalar(insn, 16), false};
        case 0x11: return {scalar(insn, 16), true};
        case 0x12:
        case 0x16: return {insn.prefix_rep == 0xF3 ? 16u : 8u, false};
        case 0x13:
        case 0x17: return {8, true};
        case 0x29: return {16, true};
        case 0x2B: return {scalar(insn, 16), true};
        case 0x2A: return {insn.prefix_rep ? 4u : 8u, false};
        case 0x2C:
        case 0x2D: return {scalar(insn, prefix66 ? 16 : 8), false};
        case 0x2E:
        case 0x2F: return {prefix66 ? 8u : 4u, false};
        case 0x5A: return {insn.prefix_rep ? scalar(insn, 0) : prefix66 ? 16u : 8u, false};
        case 0x5B: return {16, false};
        case 0x60:
        case 0x61:
        case 0x62: return {full == 8 ? 4u : 16u, false};  // of a low half, MMX reads just that
        case 0x6E: return {4, false};
        case 0x7E:
            if (insn.prefix_rep == 0xF3) return {8, false};
            return {4, true};
        case 0x7F: return {insn.prefix_rep == 0xF3 ? 16 : full, true};
        case 0xAE:
            switch (insn.reg_field()) {
                case 0: return {kMostOperandBytes, true, true};  // fxsave leaves reserved bytes alone
                case 1: return {kMostOperandBytes, false};       // fxrstor
                case 2: return {4, false};                       // ldmxcsr
                case 3: return {4, true};                        // stmxcsr
                default: return {1, false};
            }
        case 0xB8:                                     // popcnt
        case 0xBC:                                     // tzcnt
        case 0xBD: return {insn.operand_size, false};  // lzcnt
        case 0xC4: return {2, false};
        case 0xD6: return {8, true};
        case 0xE6: return {insn.prefix_rep == 0xF3 ? 8u : 16u, false};
        case 0xE7: return {full, true};
        case 0xF7: return {full, true, true};
        default: break;
    }
    const bool arithmetic = (insn.opcode >= 0x51 && insn.opcode <= 0x5F) || insn.opcode == 0xC2;
    return {arithmetic ? scalar(insn, full) : full, false};
}

/// 0F 38 xx, table A-4.
NativeOperand three_byte_38(const Instruction& insn) {
    switch (insn.opcode) {
        case 0x20:
        case 0x23:
        case 0x25:
        case 0x30:
        case 0x33:
        case 0x35: return {8, false};  // pmovsx, pmovzx: as many bytes as become 16
        case 0x21:
        case 0x24:
        case 0x31:
        case 0x34: return {4, false};
        case 0x22:
        case 0x32: return {2, false};
        case 0xF0:
            if (insn.prefix_rep == 0xF2) return {1, false};  // crc32
            return {insn.operand_size, false};               // movbe
        case 0xF1:
            if (insn.prefix_rep == 0xF2) return {insn.operand_size, false};
            return {insn.operand_size, true};
        case 0xF6: return {4, false};  // adcx, adox
        default: return {insn.fpu == FpuUse::mmx ? 8u : 16u, false};
    }
}

/// 0F 3A xx, table A-5.
NativeOperand three_byte_3a(const Instruction& insn) {
    switch (insn.opcode) {
        case 0x0A:
        case 0x21:
        case 0x22: return {4, false};  // roundss, insertps, pinsrd
        case 0x0B: return {8, false};  // roundsd
        case 0x14: return {1, true};   // pextrb
        case 0x15: return {2, true};   // pextrw
        case 0x16:
        case 0x17: return {4, true};   // pextrd, extractps
        case 0x20: return {1, false};  // pinsrb
        default: return {insn.fpu == FpuUse::mmx ? 8u : 16u, false};
    }
}

}  // namespace

NativeOperand native_operand(const Instruction& insn) {
    if (!insn.has_memory && !is_masked_move(insn)) return {};
    switch (insn.opcode_map) {
        case 0:
            if (insn.opcode >= 0xD8 && insn.opcode <= 0xDF) return x87(insn);
            return {};
        case 1: return two_byte(insn);
        case 2: return three_byte_38(insn);
        default: return three_byte_3a(insn);
    }
}

Seg native_operand_segment(const Instruction& insn) {
    if (insn.has_memory) return insn.memory.segment;
    return insn.has_override ? insn.override_segment : Seg::ds;
}

std::uint32_t native_operand_offset(const VCpu& cpu, const Instruction& insn) {
    if (insn.has_memory) return effective_offset(cpu, insn);
    const std::uint32_t edi = cpu.reg(Gpr::edi);
    return insn.address_size == 2 ? edi & 0xFFFFu : edi;
}

}  // namespace ringpress
