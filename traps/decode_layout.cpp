#include "traps/decode_layout.hpp"

#include <cstring>

namespace ringpress {

namespace {

constexpr unsigned kMaxLength = 15;

/// What follows the opcode.
enum Tail : std::uint8_t {
    none = 0,
    modrm = 1,  // ModRM, perhaps SIB and displacement
    imm8 = 2,   // sign-extended where the operand is larger
    imm16 = 4,
    immv = 8,      // 2 or 4 bytes by operand size
    moffs = 16,    // 2 or 4 bytes by address size
    far_ptr = 32,  // immv, then a selector
    by_reg = 64,   // F6/F7: an immediate only for /0 and /1
    bad = 128,
};

constexpr std::uint8_t one_byte_tail(unsigned op) {
    if (op < 0x40) {
        switch (op & 7) {
            case 0:
            case 1:
            case 2:
            case 3: return modrm;
            case 4: return imm8;
            case 5: return immv;
            default: return none;
        }
    }
    if (op >= 0x70 && op <= 0x7F) return imm8;
    if (op >= 0xB0 && op <= 0xB7) return imm8;
    if (op >= 0xB8 && op <= 0xBF) return immv;
    if (op >= 0xD8 && op <= 0xDF) return modrm;
    switch (op) {
        case 0x62:
        case 0x63:
        case 0x84:
        case 0x85:
        case 0x86:
        case 0x87:
        case 0x88:
        case 0x89:
        case 0x8A:
        case 0x8B:
        case 0x8C:
        case 0x8D:
        case 0x8E:
        case 0x8F:
        case 0xC4:
        case 0xC5:
        case 0xD0:
        case 0xD1:
        case 0xD2:
        case 0xD3:
        case 0xFE:
        case 0xFF: return modrm;
        case 0x69:
        case 0x81:
        case 0xC7: return modrm | immv;
        case 0x6B:
        case 0x80:
        case 0x82:
        case 0x83:
        case 0xC0:
        case 0xC1:
        case 0xC6: return modrm | imm8;
        case 0x6A:
        case 0xA8:
        case 0xCD:
        case 0xD4:
        case 0xD5:
        case 0xE0:
        case 0xE1:
        case 0xE2:
        case 0xE3:
        case 0xE4:
        case 0xE5:
        case 0xE6:
        case 0xE7:
        case 0xEB: return imm8;
        case 0x68:
        case 0xA9:
        case 0xE8:
        case 0xE9: return immv;
        case 0x9A:
        case 0xEA: return far_ptr;
        case 0xA0:
        case 0xA1:
        case 0xA2:
        case 0xA3: return moffs;
        case 0xC2:
        case 0xCA: return imm16;
        case 0xC8: return imm16 | imm8;
        case 0xF6: return modrm | imm8 | by_reg;
        case 0xF7: return modrm | immv | by_reg;
        default: return none;
    }
}

constexpr std::uint8_t two_byte_tail(unsigned op) {
    if (op >= 0x80 && op <= 0x8F) return immv;
    if (op >= 0xC8 && op <= 0xCF) return none;
    if (op >= 0x30 && op <= 0x37) return none;
    switch (op) {
        case 0x05:
        case 0x06:
        case 0x07:
        case 0x08:
        case 0x09:
        case 0x0B:
        case 0x0E:
        case 0x77:
        case 0xA0:
        case 0xA1:
        case 0xA2:
        case 0xA8:
        case 0xA9:
        case 0xAA: return none;
        case 0x04:
        case 0x0A:
        case 0x0C:
        case 0x24:
        case 0x25:
        case 0x26:
        case 0x27:
        case 0x39:
        case 0x3B:
        case 0x3C:
        case 0x3D:
        case 0x3E:
        case 0x3F: return bad;
        case 0x0F:
        case 0x70:
        case 0x71:
        case 0x72:
        case 0x73:
        case 0xA4:
        case 0xAC:
        case 0xBA:
        case 0xC2:
        case 0xC4:
        case 0xC5:
        case 0xC6: return modrm | imm8;
        default: return modrm;
    }
}

struct Tails {
    std::uint8_t one[256], two[256];
    constexpr Tails() : one{}, two{} {
        for (unsigned op = 0; op < 256; ++op) {
            one[op] = one_byte_tail(op);
            two[op] = two_byte_tail(op);
        }
    }
};
constexpr Tails kTails;

/// Reads the bytes in order and remembers that they ran out.
class Cursor {
  public:
    Cursor(const std::uint8_t* bytes, std::size_t available) : bytes_(bytes), available_(available) {}
    std::uint32_t take(unsigned width) {
        if (at_ + width > available_) {
            short_ = true;
            return 0;
        }
        std::uint32_t value = 0;
        std::memcpy(&value, bytes_ + at_, width);
        at_ += width;
        return value;
    }
    bool ran_out() const { return short_; }
    unsigned at() const { return at_; }

  private:
    const std::uint8_t* bytes_;
    std::size_t available_;
    unsigned at_ = 0;
    bool short_ = false;
};

bool take_prefix(Instruction& insn, std::uint8_t byte, unsigned code_size) {
    auto override_with = [&](Seg s) {
        insn.has_override = true;
        insn.override_segment = s;
        return true;
    };
    switch (byte) {
        case 0x26: return override_with(Seg::es);
        case 0x2E: return override_with(Seg::cs);
        case 0x36: return override_with(Seg::ss);
        case 0x3E: return override_with(Seg::ds);
        case 0x64: return override_with(Seg::fs);
        case 0x65: return override_with(Seg::gs);
        case 0x66: insn.operand_size = static_cast<std::uint8_t>(code_size ^ 6u); return true;
        case 0x67: insn.address_size = static_cast<std::uint8_t>(code_size ^ 6u); return true;
        case 0xF0: insn.lock = true; return true;
        case 0xF2:
        case 0xF3: insn.prefix_rep = byte; return true;
        default: return false;
    }
}

std::int32_t sign_extend(std::uint32_t value, unsigned width) {
    if (width == 1) return static_cast<std::int8_t>(value);
    if (width == 2) return static_cast<std::int16_t>(value);
    return static_cast<std::int32_t>(value);
}

/// SDM Vol. 2A, table 2-2.
void memory_32(Instruction& insn, Cursor& in, MemoryOperand& m) {
    const unsigned mod = insn.modrm >> 6, rm = insn.rm_field();
    if (rm == 4) {
        const std::uint32_t sib = in.take(1);
        const unsigned index = (sib >> 3) & 7u, base = sib & 7u;
        if (index != 4) {
            m.index = static_cast<std::int8_t>(index);
            m.scale = static_cast<std::uint8_t>(1u << (sib >> 6));
        }
        if (base == 5 && mod == 0)
            m.displacement = static_cast<std::int32_t>(in.take(4));
        else
            m.base = static_cast<std::int8_t>(base);
    } else if (rm == 5 && mod == 0) {
        m.displacement = static_cast<std::int32_t>(in.take(4));
    } else {
        m.base = static_cast<std::int8_t>(rm);
    }
    if (mod == 1) m.displacement = sign_extend(in.take(1), 1);
    if (mod == 2) m.displacement = static_cast<std::int32_t>(in.take(4));
    // ESP and EBP as a base mean the stack segment.
    if (m.base == 4 || m.base == 5) m.segment = Seg::ss;
}

/// SDM Vol. 2A, table 2-1.
void memory_16(Instruction& insn, Cursor& in, MemoryOperand& m) {
    constexpr std::int8_t bx = 3, bp = 5, si = 6, di = 7;
    constexpr std::int8_t bases[8] = {bx, bx, bp, bp, si, di, bp, bx};
    constexpr std::int8_t indexes[8] = {si, di, si, di, -1, -1, -1, -1};
    const unsigned mod = insn.modrm >> 6, rm = insn.rm_field();
    if (rm == 6 && mod == 0) {
        m.displacement = static_cast<std::int32_t>(in.take(2));
        return;
    }
    m.base = bases[rm];
    m.index = indexes[rm];
    if (mod == 1) m.displacement = sign_extend(in.take(1), 1);
    if (mod == 2) m.displacement = sign_extend(in.take(2), 2);
    if (m.base == bp) m.segment = Seg::ss;
}

void take_immediate(Instruction& insn, Cursor& in, unsigned tail) {
    if ((tail & by_reg) && insn.reg_field() > 1) return;
    if (tail & imm16) {
        insn.immediate = in.take(2);
        if (tail & imm8) insn.far_selector = static_cast<std::uint16_t>(in.take(1));
        return;
    }
    if (tail & imm8) insn.immediate = static_cast<std::uint32_t>(sign_extend(in.take(1), 1));
    // A near branch displacement is signed; of other immediates no more than operand_size bytes are used.
    if (tail & immv)
        insn.immediate =
            static_cast<std::uint32_t>(sign_extend(in.take(insn.operand_size), insn.operand_size));
    if (tail & far_ptr) {
        insn.immediate = in.take(insn.operand_size);
        insn.far_selector = static_cast<std::uint16_t>(in.take(2));
    }
}

}  // namespace

Layout parse_layout(const std::uint8_t* bytes, std::size_t available, unsigned code_size, Instruction& insn) {
    const bool clipped = available > kMaxLength;
    Cursor in(bytes, clipped ? kMaxLength : available);
    const Layout ran_out = available >= kMaxLength ? Layout::too_long : Layout::truncated;
    insn.operand_size = insn.address_size = static_cast<std::uint8_t>(code_size);

    std::uint32_t byte = in.take(1);
    while (!in.ran_out() && take_prefix(insn, static_cast<std::uint8_t>(byte), code_size)) byte = in.take(1);

    unsigned tail;
    if (byte == 0x0F) {
        byte = in.take(1);
        insn.opcode_map = 1;
        tail = kTails.two[byte];
        if (byte == 0x38 || byte == 0x3A) {
            insn.opcode_map = byte == 0x38 ? 2 : 3;
            tail = byte == 0x38 ? modrm : modrm | imm8;
            byte = in.take(1);
        }
    } else {
        tail = kTails.one[byte];
    }
    if (in.ran_out()) return ran_out;
    insn.opcode = static_cast<std::uint8_t>(byte);
    if (tail & bad) return Layout::invalid;

    if (tail & modrm) {
        insn.has_modrm = true;
        insn.modrm = static_cast<std::uint8_t>(in.take(1));
        if (in.ran_out()) return ran_out;
        bool is_register = insn.modrm >= 0xC0;
        if (insn.opcode_map == 0) {
            // With a register operand these three are the prefixes EVEX and VEX; 8F /1../7 is AMD's XOP.
            const bool prefix = insn.opcode == 0x62 || insn.opcode == 0xC4 || insn.opcode == 0xC5;
            if (prefix && is_register) return Layout::invalid;
            if (insn.opcode == 0x8F && insn.reg_field() != 0) return Layout::invalid;
        }
        // mov to and from control and debug registers ignores mod, SDM Vol. 2B, MOV.
        if (insn.opcode_map == 1 && insn.opcode >= 0x20 && insn.opcode <= 0x23) is_register = true;
        if (!is_register) {
            insn.has_memory = true;
            if (insn.address_size == 4)
                memory_32(insn, in, insn.memory);
            else
                memory_16(insn, in, insn.memory);
        }
    }
    if (tail & moffs) {
        insn.has_memory = true;
        insn.memory.displacement = static_cast<std::int32_t>(in.take(insn.address_size));
    }
    if (insn.opcode_map == 0 && insn.opcode == 0xD7) {  // xlat: [ebx + al]
        insn.has_memory = true;
        insn.memory.base = static_cast<std::int8_t>(Gpr::ebx);
    }
    take_immediate(insn, in, tail);
    if (in.ran_out()) return ran_out;

    if (insn.has_memory && insn.has_override) insn.memory.segment = insn.override_segment;
    insn.length = static_cast<std::uint8_t>(in.at());
    std::memcpy(insn.bytes, bytes, insn.length);
    return Layout::complete;
}

}  // namespace ringpress
