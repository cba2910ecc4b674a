// What the files of the interpreter share.
#pragma once

#include "traps/emulate_common.hpp"
#include "traps/interpret_alu.hpp"

namespace ringpress {

/// An operand resolved once: a register, or a checked linear address.
struct Place {
    bool memory = false;
    std::uint8_t reg = 0;
    gva at;
};

/// The r/m operand.  for_write: check that it may be written, so that a read-modify-write faults as a write.
inline Result<Place> rm_place(Machine& m, const Instruction& insn, unsigned width, bool for_write) {
    Place p;
    if (!insn.has_memory) {
        p.reg = static_cast<std::uint8_t>(insn.rm_field());
        return p;
    }
    p.memory = true;
    p.at = TRY(linear(m.cpu, insn.memory.segment, effective_offset(m.cpu, insn), width, for_write));
    return p;
}

inline Result<std::uint32_t> get(Machine& m, const Place& p, unsigned width, bool for_write = false) {
    if (!p.memory) return read_gpr(m.cpu, p.reg, width);
    return m.memory.read(p.at, width, Access{for_write, user_mode(m), false});
}

inline Result<void> put(Machine& m, const Place& p, unsigned width, std::uint32_t value) {
    if (p.memory) return m.memory.write(p.at, width, value, Access::store(user_mode(m)));
    write_gpr(m.cpu, p.reg, width, value);
    return {};
}

/// Continues at `eip`, which must lie in the code segment: #GP(0).
inline Emulated jump_to(Machine& m, const Instruction& insn, std::uint32_t eip) {
    if (insn.operand_size == 2) eip &= 0xFFFFu;
    if (!within_limit(m.cpu.segment(Seg::cs), eip, 1)) return Fault::gp(0);
    m.cpu.eip = eip;
    return Next::jumped;
}

/// The byte forms have an even opcode.
inline unsigned operand_width(const Instruction& insn) {
    return insn.opcode & 1u ? insn.operand_size : 1u;
}

inline constexpr Interpreted kNotHandled{false, Next::advance};
inline Interpreted handled(Emulated result) {
    return {true, result};
}

Interpreted interpret_stack(Machine& m,
                            const Instruction& insn);  // interpret_stack.cpp: push pop enter leave ...
Interpreted interpret_branch(Machine& m,
                             const Instruction& insn);  // interpret_branch.cpp: near jumps, calls, returns
Interpreted interpret_string(Machine& m,
                             const Instruction& insn);  // interpret_string.cpp: movs cmps stos lods scas
Interpreted interpret_two_byte(Machine& m, const Instruction& insn);  // interpret_two_byte.cpp: the 0F map

}  // namespace ringpress
