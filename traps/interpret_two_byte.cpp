// The integer instructions of the 0F opcode map.  SDM Vol. 2D, appendix A, table A-3.
#include "traps/interpret_common.hpp"

namespace ringpress {

namespace {

constexpr unsigned kAccumulator = 0;

std::uint32_t bit_operation(unsigned op, std::uint32_t d, std::uint32_t bit, unsigned width,
                            std::uint32_t& flags) {
    switch (op) {
        case 0: return alu::bt(d, bit, width, flags);
        case 1: return alu::bts(d, bit, width, flags);
        case 2: return alu::btr(d, bit, width, flags);
        default: return alu::btc(d, bit, width, flags);
    }
}

/// bt bts btr btc.  With the bit number in a register and the string in memory, the number reaches beyond the
/// operand in both directions, SDM Vol. 1, section 3.7.3 ("bit offset").
Emulated bit_test(Machine& m, const Instruction& insn) {
    const bool immediate = insn.opcode == 0xBA;
    const unsigned width = insn.operand_size, bits = 8 * width;
    const unsigned op = (immediate ? insn.reg_field() : insn.opcode >> 3) & 3u;
    std::uint32_t bit = immediate ? insn.immediate : read_gpr(m.cpu, insn.reg_field(), width);

    Place place;
    if (insn.has_memory) {
        std::uint32_t offset = effective_offset(m.cpu, insn);
        if (!immediate) {
            const std::int32_t number =
                width == 4 ? static_cast<std::int32_t>(bit) : static_cast<std::int16_t>(bit);
            offset += static_cast<std::uint32_t>(number >> (width == 4 ? 5 : 4)) * width;
            offset &= size_mask(insn.address_size);
        }
        place.memory = true;
        place.at = TRY(linear(m.cpu, insn.memory.segment, offset, width, op != 0));
    } else {
        place.reg = static_cast<std::uint8_t>(insn.rm_field());
    }
    bit &= bits - 1;
    std::uint32_t flags = m.cpu.eflags;
    const std::uint32_t value = bit_operation(op, TRY(get(m, place, width, op != 0)), bit, width, flags);
    if (op != 0) TRY(put(m, place, width, value));
    m.cpu.eflags = flags;
    return Next::advance;
}

Emulated double_shift(Machine& m, const Instruction& insn) {
    const unsigned width = insn.operand_size;
    const bool left = insn.opcode < 0xA8, by_immediate = !(insn.opcode & 1u);
    const std::uint32_t count = (by_immediate ? insn.immediate : m.cpu.reg(Gpr::ecx)) & 31u;
    const std::uint32_t source = read_gpr(m.cpu, insn.reg_field(), width);
    const Place place = TRY(rm_place(m, insn, width, true));
    std::uint32_t flags = m.cpu.eflags;
    std::uint32_t value = TRY(get(m, place, width, true));
    value =
        left ? alu::shld(value, source, count, width, flags) : alu::shrd(value, source, count, width, flags);
    TRY(put(m, place, width, value));
    m.cpu.eflags = flags;
    return Next::advance;
}

Emulated compare_exchange(Machine& m, const Instruction& insn) {
    VCpu& cpu = m.cpu;
    const unsigned width = operand_width(insn);
    const Place place = TRY(rm_place(m, insn, width, true));
    const std::uint32_t old = TRY(get(m, place, width, true));
    std::uint32_t flags = cpu.eflags;
    alu::cmp(read_gpr(cpu, kAccumulator, width), old, width, flags);
    const bool equal = flags & eflags::ZF;
    // The destination is written in either case, SDM Vol. 2A, CMPXCHG.
    TRY(put(m, place, width, equal ? read_gpr(cpu, insn.reg_field(), width) : old));
    if (!equal) write_gpr(cpu, kAccumulator, width, old);
    cpu.eflags = flags;
    return Next::advance;
}

Emulated compare_exchange_8(Machine& m, const Instruction& insn) {
    VCpu& cpu = m.cpu;
    const gva at = TRY(linear(cpu, insn.memory.segment, effective_offset(cpu, insn), 8, true));
    const Access access = Access::store(user_mode(m));
    const std::uint32_t low = TRY(m.memory.read(at, 4, access));
    const std::uint32_t high = TRY(m.memory.read(at + 4, 4, access));
    const bool equal = low == cpu.reg(Gpr::eax) && high == cpu.reg(Gpr::edx);
    TRY(m.memory.write(at, 4, equal ? cpu.reg(Gpr::ebx) : low, access));
    TRY(m.memory.write(at + 4, 4, equal ? cpu.reg(Gpr::ecx) : high, access));
    cpu.reg(Gpr::eax) = equal ? cpu.reg(Gpr::eax) : low;
    cpu.reg(Gpr::edx) = equal ? cpu.reg(Gpr::edx) : high;
    cpu.eflags = equal ? cpu.eflags | eflags::ZF : cpu.eflags & ~eflags::ZF;
    return Next::advance;
}

Emulated exchange_add(Machine& m, const Instruction& insn) {
    VCpu& cpu = m.cpu;
    const unsigned width = operand_width(insn), reg = insn.reg_field();
    const Place place = TRY(rm_place(m, insn, width, true));
    const std::uint32_t old = TRY(get(m, place, width, true));
    std::uint32_t flags = cpu.eflags;
    const std::uint32_t sum = alu::add(old, read_gpr(cpu, reg, width), width, flags);
    if (place.memory) TRY(put(m, place, width, sum));
    write_gpr(cpu, reg, width, old);
    if (!place.memory) TRY(put(m, place, width, sum));  // with equal registers the sum stays
    cpu.eflags = flags;
    return Next::advance;
}

/// B6 B7 BE BF: a byte or a word widened.
Emulated extend(Machine& m, const Instruction& insn) {
    const unsigned width = insn.opcode & 1u ? 2 : 1;
    std::uint32_t value = TRY(read_rm(m, insn, width));
    if (insn.opcode >= 0xBE)
        value = static_cast<std::uint32_t>(width == 1 ? std::int32_t{static_cast<std::int8_t>(value)}
                                                      : std::int32_t{static_cast<std::int16_t>(value)});
    write_gpr(m.cpu, insn.reg_field(), insn.operand_size, value);
    return Next::advance;
}

Emulated scan_or_multiply(Machine& m, const Instruction& insn) {
    const unsigned width = insn.operand_size, reg = insn.reg_field();
    const std::uint32_t source = TRY(read_rm(m, insn, width)), old = read_gpr(m.cpu, reg, width);
    std::uint32_t& flags = m.cpu.eflags;
    const std::uint32_t value = insn.opcode == 0xAF   ? alu::imul_two(old, source, width, flags)
                                : insn.opcode == 0xBC ? alu::bsf(old, source, width, flags)
                                                      : alu::bsr(old, source, width, flags);
    write_gpr(m.cpu, reg, width, value);
    return Next::advance;
}

Emulated conditional_move(Machine& m, const Instruction& insn) {
    // The source is read whatever the condition, and may fault.
    const std::uint32_t value = TRY(read_rm(m, insn, insn.operand_size));
    if (alu::condition(insn.opcode & 15u, m.cpu.eflags))
        write_gpr(m.cpu, insn.reg_field(), insn.operand_size, value);
    return Next::advance;
}

Emulated conditional_set(Machine& m, const Instruction& insn) {
    TRY(write_rm(m, insn, 1, alu::condition(insn.opcode & 15u, m.cpu.eflags) ? 1 : 0));
    return Next::advance;
}

Emulated store_nontemporal(Machine& m, const Instruction& insn) {
    TRY(write_rm(m, insn, 4, read_gpr(m.cpu, insn.reg_field(), 4)));
    return Next::advance;
}

}  // namespace

Interpreted interpret_two_byte(Machine& m, const Instruction& insn) {
    const unsigned op = insn.opcode;
    if (op >= 0x80 && op <= 0x8F) return interpret_branch(m, insn);
    if (op >= 0x40 && op <= 0x4F) return handled(conditional_move(m, insn));
    if (op >= 0x90 && op <= 0x9F) return handled(conditional_set(m, insn));
    if (op >= 0x18 && op <= 0x1F) return handled(Next::advance);  // prefetches and nops
    if (op >= 0xC8 && op <= 0xCF && insn.operand_size == 4) {
        std::uint32_t& r = m.cpu.gpr[op & 7u];
        r = __builtin_bswap32(r);
        return handled(Next::advance);
    }
    switch (op) {
        case 0x0D: return handled(Next::advance);
        case 0xA3:
        case 0xAB:
        case 0xB3:
        case 0xBB:
        case 0xBA: return handled(bit_test(m, insn));
        case 0xA4:
        case 0xA5:
        case 0xAC:
        case 0xAD: return handled(double_shift(m, insn));
        case 0xAE:  // fences and clflush; the rest of the group uses the FPU
            return handled(Next::advance);
        case 0xAF: return handled(scan_or_multiply(m, insn));
        case 0xB0:
        case 0xB1: return handled(compare_exchange(m, insn));
        case 0xB6:
        case 0xB7:
        case 0xBE:
        case 0xBF: return handled(extend(m, insn));
        case 0xBC:
        case 0xBD:
            // With F3 these are tzcnt and lzcnt on processors that have them: left to the processor.
            return insn.prefix_rep == 0xF3 ? kNotHandled : handled(scan_or_multiply(m, insn));
        case 0xC0:
        case 0xC1: return handled(exchange_add(m, insn));
        case 0xC3: return handled(store_nontemporal(m, insn));
        case 0xC7: return handled(compare_exchange_8(m, insn));
        default: return kNotHandled;
    }
}

}  // namespace ringpress
