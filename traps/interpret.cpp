// The integer instructions of the one-byte opcode map.  SDM Vol. 2D, appendix A, table A-2.
#include "traps/interpret_common.hpp"

namespace ringpress {

namespace {

/// A read-modify-write of the r/m operand; flags become visible only when the result is stored.
template <class Operation>
Emulated modify_rm(Machine& m, const Instruction& insn, unsigned width, Operation operation) {
    const Place place = TRY(rm_place(m, insn, width, true));
    std::uint32_t flags = m.cpu.eflags;
    const std::uint32_t value = operation(TRY(get(m, place, width, true)), flags);
    TRY(put(m, place, width, value));
    m.cpu.eflags = flags;
    return Next::advance;
}

/// 00..3D: six forms of eight operations.
Emulated arithmetic(Machine& m, const Instruction& insn) {
    VCpu& cpu = m.cpu;
    constexpr unsigned cmp = 7;
    const unsigned op = insn.opcode >> 3, form = insn.opcode & 7u, width = operand_width(insn);
    if (form >= 4) {  // accumulator, immediate
        const std::uint32_t value =
            alu::arithmetic(op, read_gpr(cpu, 0, width), insn.immediate, width, cpu.eflags);
        if (op != cmp) write_gpr(cpu, 0, width, value);
        return Next::advance;
    }
    const unsigned reg = insn.reg_field();
    if (form >= 2) {  // register, r/m
        const std::uint32_t source = TRY(read_rm(m, insn, width));
        const std::uint32_t value = alu::arithmetic(op, read_gpr(cpu, reg, width), source, width, cpu.eflags);
        if (op != cmp) write_gpr(cpu, reg, width, value);
        return Next::advance;
    }
    const std::uint32_t source = read_gpr(cpu, reg, width);
    if (op == cmp) {
        alu::cmp(TRY(read_rm(m, insn, width)), source, width, cpu.eflags);
        return Next::advance;
    }
    return modify_rm(m, insn, width, [&](std::uint32_t d, std::uint32_t& flags) {
        return alu::arithmetic(op, d, source, width, flags);
    });
}

/// 80..83: r/m, immediate.
Emulated arithmetic_immediate(Machine& m, const Instruction& insn) {
    constexpr unsigned cmp = 7;
    const unsigned op = insn.reg_field(), width = operand_width(insn);
    if (op == cmp) {
        alu::cmp(TRY(read_rm(m, insn, width)), insn.immediate, width, m.cpu.eflags);
        return Next::advance;
    }
    return modify_rm(m, insn, width, [&](std::uint32_t d, std::uint32_t& flags) {
        return alu::arithmetic(op, d, insn.immediate, width, flags);
    });
}

Emulated shift(Machine& m, const Instruction& insn) {
    const unsigned width = operand_width(insn);
    const std::uint32_t count = insn.opcode < 0xD0   ? insn.immediate & 0xFFu
                                : insn.opcode < 0xD2 ? 1u
                                                     : m.cpu.reg(Gpr::ecx) & 0xFFu;
    return modify_rm(m, insn, width, [&](std::uint32_t d, std::uint32_t& flags) {
        return alu::shift(insn.reg_field(), d, count, width, flags);
    });
}

std::uint64_t dividend(const VCpu& cpu, unsigned width) {
    if (width == 1) return cpu.reg(Gpr::eax) & 0xFFFFu;
    if (width == 2) return (cpu.reg(Gpr::edx) & 0xFFFFu) << 16 | (cpu.reg(Gpr::eax) & 0xFFFFu);
    return static_cast<std::uint64_t>(cpu.reg(Gpr::edx)) << 32 | cpu.reg(Gpr::eax);
}

std::int64_t signed_value(std::uint64_t value, unsigned bits) {
    return static_cast<std::int64_t>(value << (64 - bits)) >> (64 - bits);
}

/// True if the quotient does not exist or does not fit: #DE.
bool division_fails(const VCpu& cpu, std::uint32_t divisor, unsigned width, bool is_signed) {
    const unsigned bits = 8 * width;
    const std::uint64_t top = dividend(cpu, width);
    if (divisor == 0) return true;
    if (!is_signed) return top / divisor > size_mask(width);
    const std::int64_t a = signed_value(top, 2 * bits), b = signed_value(divisor, bits);
    const std::int64_t largest = (std::int64_t{1} << (bits - 1)) - 1;
    if (b == -1) return a < -largest || a > largest + 1;  // C++ has no INT64_MIN / -1
    const std::int64_t quotient = a / b;
    return quotient != signed_value(static_cast<std::uint64_t>(quotient), bits);
}

/// F6, F7 /4../7: the accumulator (and EDX) by the r/m operand.
Emulated multiply_divide(Machine& m, const Instruction& insn) {
    VCpu& cpu = m.cpu;
    const unsigned width = operand_width(insn);
    const std::uint32_t source = TRY(read_rm(m, insn, width));
    const unsigned op = insn.reg_field();
    if (op >= 6 && division_fails(cpu, source, width, op == 7)) return Fault{Vector::DE, 0, 0};
    std::uint32_t low = cpu.reg(Gpr::eax), high = cpu.reg(Gpr::edx);
    switch (op) {
        case 4: alu::mul(low, high, source, width, cpu.eflags); break;
        case 5: alu::imul(low, high, source, width, cpu.eflags); break;
        case 6: alu::div(low, high, source, width, cpu.eflags); break;
        default: alu::idiv(low, high, source, width, cpu.eflags); break;
    }
    cpu.reg(Gpr::eax) = low;
    cpu.reg(Gpr::edx) = high;
    return Next::advance;
}

/// F6, F7: test not neg mul imul div idiv.
Emulated unary_group(Machine& m, const Instruction& insn) {
    const unsigned width = operand_width(insn);
    switch (insn.reg_field()) {
        case 0:
        case 1:
            alu::test(TRY(read_rm(m, insn, width)), insn.immediate, width, m.cpu.eflags);
            return Next::advance;
        case 2: return modify_rm(m, insn, width, [](std::uint32_t d, std::uint32_t&) { return ~d; });
        case 3:
            return modify_rm(m, insn, width, [&](std::uint32_t d, std::uint32_t& flags) {
                return alu::neg(d, width, flags);
            });
        default: return multiply_divide(m, insn);
    }
}

/// FE, FF /0 and /1.
Emulated increment_decrement(Machine& m, const Instruction& insn) {
    const unsigned width = operand_width(insn);
    return modify_rm(m, insn, width, [&](std::uint32_t d, std::uint32_t& flags) {
        return insn.reg_field() == 0 ? alu::inc(d, width, flags) : alu::dec(d, width, flags);
    });
}

Emulated exchange(Machine& m, const Instruction& insn) {
    const unsigned width = operand_width(insn), reg = insn.reg_field();
    const Place place = TRY(rm_place(m, insn, width, true));
    const std::uint32_t theirs = TRY(get(m, place, width, true));
    TRY(put(m, place, width, read_gpr(m.cpu, reg, width)));
    write_gpr(m.cpu, reg, width, theirs);
    return Next::advance;
}

/// 69, 6B: imul with three operands.
Emulated multiply_immediate(Machine& m, const Instruction& insn) {
    const unsigned width = insn.operand_size;
    const std::uint32_t source = TRY(read_rm(m, insn, width));
    write_gpr(m.cpu, insn.reg_field(), width, alu::imul_two(source, insn.immediate, width, m.cpu.eflags));
    return Next::advance;
}

/// A0..A3, A8, A9: the accumulator with a fixed address or an immediate.
Emulated accumulator(Machine& m, const Instruction& insn) {
    const unsigned width = operand_width(insn);
    if (insn.opcode >= 0xA8) {
        alu::test(read_gpr(m.cpu, 0, width), insn.immediate, width, m.cpu.eflags);
    } else if (insn.opcode < 0xA2) {
        write_gpr(m.cpu, 0, width, TRY(read_rm(m, insn, width)));
    } else {
        TRY(write_rm(m, insn, width, read_gpr(m.cpu, 0, width)));
    }
    return Next::advance;
}

Emulated bound(Machine& m, const Instruction& insn) {
    const unsigned width = insn.operand_size, bits = 8 * width;
    const std::uint32_t at = effective_offset(m.cpu, insn);
    const std::int64_t low = signed_value(TRY(load(m, insn.memory.segment, at, width)), bits);
    const std::int64_t high = signed_value(TRY(load(m, insn.memory.segment, at + width, width)), bits);
    const std::int64_t index = signed_value(read_gpr(m.cpu, insn.reg_field(), width), bits);
    if (index < low || index > high) return Fault{Vector::BR, 0, 0};
    return Next::advance;
}

/// 98, 99: the accumulator widened by its sign.
Emulated extend_accumulator(Machine& m, const Instruction& insn) {
    VCpu& cpu = m.cpu;
    const unsigned width = insn.operand_size;
    const std::uint32_t a = cpu.reg(Gpr::eax);
    if (insn.opcode == 0x98)
        write_gpr(cpu, 0, width, static_cast<std::uint32_t>(signed_value(a, 4 * width)));
    else
        write_gpr(cpu, 2, width, signed_value(a, 8 * width) < 0 ? ~0u : 0u);
    return Next::advance;
}

Emulated flag_instruction(VCpu& cpu, unsigned opcode) {
    constexpr std::uint32_t low = eflags::kArithmetic & 0xFFu;
    switch (opcode) {
        case 0x9E: cpu.eflags = (cpu.eflags & ~low) | ((cpu.reg(Gpr::eax) >> 8) & low); break;
        case 0x9F: write_gpr(cpu, 4, 1, (cpu.eflags & low) | eflags::FIXED1); break;
        case 0xF5: cpu.eflags ^= eflags::CF; break;
        case 0xF8: cpu.eflags &= ~eflags::CF; break;
        case 0xF9: cpu.eflags |= eflags::CF; break;
        case 0xFC: cpu.eflags &= ~eflags::DF; break;
        default: cpu.eflags |= eflags::DF; break;
    }
    return Next::advance;
}

Interpreted one_byte(Machine& m, const Instruction& insn) {
    VCpu& cpu = m.cpu;
    const unsigned op = insn.opcode, width = operand_width(insn), reg = insn.reg_field();
    if (op < 0x40 && (op & 7u) < 6) return handled(arithmetic(m, insn));
    if (op >= 0x40 && op <= 0x4F) {
        const unsigned number = op & 7u, size = insn.operand_size;
        const std::uint32_t old = read_gpr(cpu, number, size);
        write_gpr(cpu, number, size,
                  op < 0x48 ? alu::inc(old, size, cpu.eflags) : alu::dec(old, size, cpu.eflags));
        return handled(Next::advance);
    }
    if (op >= 0x91 && op <= 0x97) {
        const unsigned number = op & 7u, size = insn.operand_size;
        const std::uint32_t a = read_gpr(cpu, 0, size);
        write_gpr(cpu, 0, size, read_gpr(cpu, number, size));
        write_gpr(cpu, number, size, a);
        return handled(Next::advance);
    }
    if (op >= 0xB0 && op <= 0xBF) {
        write_gpr(cpu, op & 7u, op < 0xB8 ? 1 : insn.operand_size, insn.immediate);
        return handled(Next::advance);
    }
    const auto move = [&]() -> Emulated {
        switch (op) {
            case 0x88:
            case 0x89: TRY(write_rm(m, insn, width, read_gpr(cpu, reg, width))); break;
            case 0x8A:
            case 0x8B: write_gpr(cpu, reg, width, TRY(read_rm(m, insn, width))); break;
            case 0x8D: write_gpr(cpu, reg, insn.operand_size, effective_offset(cpu, insn)); break;
            case 0xC6:
            case 0xC7: TRY(write_rm(m, insn, width, insn.immediate)); break;
            case 0xD7: write_gpr(cpu, 0, 1, TRY(read_rm(m, insn, 1))); break;
            default:
                alu::test(TRY(read_rm(m, insn, width)), read_gpr(cpu, reg, width), width, cpu.eflags);
                break;
        }
        return Next::advance;
    };
    switch (op) {
        case 0x62: return handled(bound(m, insn));
        case 0x69:
        case 0x6B: return handled(multiply_immediate(m, insn));
        case 0x80:
        case 0x81:
        case 0x82:
        case 0x83: return handled(arithmetic_immediate(m, insn));
        case 0x84:
        case 0x85:
        case 0x88:
        case 0x89:
        case 0x8A:
        case 0x8B:
        case 0x8D:
        case 0xC6:
        case 0xC7:
        case 0xD7: return handled(move());
        case 0x86:
        case 0x87: return handled(exchange(m, insn));
        case 0x90: return handled(Next::advance);
        case 0x98:
        case 0x99: return handled(extend_accumulator(m, insn));
        case 0x9E:
        case 0x9F:
        case 0xF5:
        case 0xF8:
        case 0xF9:
        case 0xFC:
        case 0xFD: return handled(flag_instruction(cpu, op));
        case 0xA0:
        case 0xA1:
        case 0xA2:
        case 0xA3:
        case 0xA8:
        case 0xA9: return handled(accumulator(m, insn));
        case 0xC0:
        case 0xC1:
        case 0xD0:
        case 0xD1:
        case 0xD2:
        case 0xD3: return handled(shift(m, insn));
        case 0xF6:
        case 0xF7: return handled(unary_group(m, insn));
        case 0xFE:
        case 0xFF:
            if (reg <= 1) return handled(increment_decrement(m, insn));
            break;
        default: break;
    }
    if (insn.is_string()) return interpret_string(m, insn);
    if (insn.flow != Flow::next) return interpret_branch(m, insn);
    return interpret_stack(m, insn);
}

/// The instructions that a LOCK prefix is legal with, given a memory destination.  SDM Vol. 2A, LOCK.
bool lockable(const Instruction& insn) {
    if (!insn.has_memory || !insn.has_modrm) return false;
    const unsigned op = insn.opcode, reg = insn.reg_field();
    if (insn.opcode_map == 0) {
        if (op < 0x38) return (op & 7u) < 2;
        if (op >= 0x80 && op <= 0x83) return reg != 7;
        if (op == 0xF6 || op == 0xF7) return reg == 2 || reg == 3;
        if (op == 0xFE || op == 0xFF) return reg < 2;
        return op == 0x86 || op == 0x87;
    }
    if (insn.opcode_map != 1) return false;
    if (op == 0xBA) return reg >= 5;
    return op == 0xAB || op == 0xB3 || op == 0xBB || op == 0xB0 || op == 0xB1 || op == 0xC0 || op == 0xC1 ||
           op == 0xC7;
}

}  // namespace

Interpreted interpret(Machine& m, const Instruction& insn) {
    if (insn.id != InsnId::innocuous || insn.fpu != FpuUse::none) return kNotHandled;
    if (insn.lock && !lockable(insn)) return handled(Fault::ud());
    if (insn.opcode_map == 0) return one_byte(m, insn);
    if (insn.opcode_map == 1) return interpret_two_byte(m, insn);
    return kNotHandled;
}

}  // namespace ringpress
