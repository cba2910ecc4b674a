// One decoded instruction, in our own terms: what the emulators and the patcher read.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "shadow/vcpu.hpp"

namespace ringpress {

/// Every sensitive instruction has an identity; everything else is `innocuous`, or `undefined` when no
/// instruction could be decoded.
enum class InsnId : std::uint8_t {
    undefined,
    innocuous,
#define RINGPRESS_INSTRUCTION(id, ...) id,
#include "traps/instructions.def"
#undef RINGPRESS_INSTRUCTION
    count_,
};

enum class InsnClass : std::uint8_t { privileged, silent, host, conditional };
enum class InsnFamily : std::uint8_t { flags, control, io, tables, model, gates, transfers, segments };

/// One line of instructions.def.
struct InsnInfo {
    InsnId id;
    std::string_view mnemonic;
    InsnClass insn_class;
    InsnFamily family;
    std::string_view sdm;
    std::string_view effect;
};
/// The line of a sensitive instruction; id must not be undefined or innocuous.
const InsnInfo& info(InsnId id);
/// A name for any id, "innocuous" included.
std::string_view name(InsnId id);
/// The class as instructions.def writes it.
std::string_view class_name(InsnClass insn_class);

/// How an instruction leaves the straight line; the prover stops at most of these.
enum class Flow : std::uint8_t {
    next,  ///< falls through
    jcc,   ///< conditional near branch (jcc, loop, jecxz)
    jmp,   ///< direct near jump
    jmp_indirect,
    call,
    call_indirect,
    ret,    ///< near return
    other,  ///< far transfer, int, iret, hlt, ud2: never falls through natively
};

/// Which of the registers that CR0 and CR4 can switch off an instruction touches; see fpu_access.hpp.
enum class FpuUse : std::uint8_t {
    none,
    x87,
    wait,   ///< fwait: touches nothing, but reports a pending x87 error
    mmx,    ///< MMX registers, those of SSE's instructions that use them included
    sse,    ///< XMM registers or MXCSR
    state,  ///< fxsave, fxrstor: all of them
};

/// A ModRM memory operand: segment : base + index * scale + displacement.
struct MemoryOperand {
    Seg segment = Seg::ds;  ///< after overrides and the default for esp/ebp
    std::int8_t base = -1;  ///< Gpr number, or -1
    std::int8_t index = -1;
    std::uint8_t scale = 1;
    std::int32_t displacement = 0;
};

struct Instruction {
    InsnId id = InsnId::undefined;
    Flow flow = Flow::next;
    std::uint8_t length = 0;        ///< 1..15 bytes
    std::uint8_t operand_size = 4;  ///< 2 or 4, after the 0x66 prefix
    std::uint8_t address_size = 4;  ///< 2 or 4, after the 0x67 prefix
    std::uint8_t prefix_rep = 0;    ///< 0, 0xF2 or 0xF3
    bool lock = false;
    bool has_override = false;  ///< an explicit segment prefix
    Seg override_segment = Seg::ds;
    bool has_modrm = false;
    bool has_memory = false;  ///< `memory` is valid: a ModRM operand, mov moffs, or xlat (plus AL)
    FpuUse fpu = FpuUse::none;
    bool too_long = false;        ///< with `undefined`: beyond 15 bytes, which is #GP(0) instead of #UD
    std::uint8_t opcode_map = 0;  ///< 0: one byte, 1: 0F xx, 2: 0F 38 xx, 3: 0F 3A xx
    std::uint8_t opcode = 0;      ///< the last opcode byte
    std::uint8_t modrm = 0;
    MemoryOperand memory = {};
    /// The first immediate, sign-extended if it is one byte of a larger operand: int n, in/out imm8, near
    /// branch displacement, ret imm16, far offset, ALU operand.  enter: imm16, with imm8 in far_selector.
    std::uint32_t immediate = 0;
    std::uint16_t far_selector = 0;  ///< ljmp/lcall ptr16:32
    std::uint8_t bytes[15] = {};

    unsigned reg_field() const { return (modrm >> 3) & 7u; }
    unsigned rm_field() const { return modrm & 7u; }
    /// The register that push and pop of a segment name: 06 0E 16 1E, or 0F A0 (fs) and 0F A8 (gs).
    Seg named_segment() const { return static_cast<Seg>((opcode >> 3) & 7u); }
    bool sensitive() const { return id > InsnId::innocuous; }
    /// movs cmps stos lods scas (not ins and outs, which are sensitive); memory at [esi], [edi] without
    /// ModRM.
    bool is_string() const {
        return opcode_map == 0 && ((opcode >= 0xA4 && opcode <= 0xA7) || (opcode >= 0xAA && opcode <= 0xAF));
    }
    /// A segment prefix that decides where memory is accessed; on lea and nop it is padding.
    bool uses_override() const {
        if (!has_override) return false;
        if (is_string()) return opcode <= 0xA7 || opcode == 0xAC || opcode == 0xAD;
        if (opcode_map == 1 && opcode >= 0x18 && opcode <= 0x1F) return false;
        return has_memory && !(opcode_map == 0 && opcode == 0x8D);
    }
};
static_assert(std::is_trivially_copyable_v<Instruction>);

}  // namespace ringpress
