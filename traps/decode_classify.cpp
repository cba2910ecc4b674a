// One switch per opcode map, in the order of SDM Vol. 2D, appendix A.  Every encoding of a sensitive
// instruction is listed here; prefixes do not change what an instruction is, with the few exceptions spelled
// out.
#include "traps/decode_classify.hpp"

namespace ringpress {

namespace {

Verdict sensitive(Instruction& insn, InsnId id, Flow flow = Flow::next) {
    insn.id = id;
    insn.flow = flow;
    return Verdict::sensitive;
}

Verdict branch(Instruction& insn, Flow flow) {
    insn.flow = flow;
    return Verdict::innocuous;
}

Verdict fpu(Instruction& insn, FpuUse use) {
    insn.fpu = use;
    return Verdict::innocuous;
}

Verdict one_byte(Instruction& insn) {
    const unsigned op = insn.opcode, reg = insn.reg_field();
    if (op >= 0x70 && op <= 0x7F) return branch(insn, Flow::jcc);
    // Every x87 encoding is harmless, the undocumented aliases included: it touches the FPU and its operand.
    if (op >= 0xD8 && op <= 0xDF) return fpu(insn, FpuUse::x87);
    switch (op) {
        case 0x06:
        case 0x0E:
        case 0x16:
        case 0x1E: return sensitive(insn, InsnId::push_seg);
        case 0x07:
        case 0x17:
        case 0x1F: return sensitive(insn, InsnId::pop_seg);
        case 0x63: return sensitive(insn, InsnId::arpl);
        case 0x6C:
        case 0x6D: return sensitive(insn, InsnId::ins);
        case 0x6E:
        case 0x6F: return sensitive(insn, InsnId::outs);
        case 0x8C: return reg <= 5 ? sensitive(insn, InsnId::mov_from_seg) : Verdict::undefined;
        case 0x8E: return reg <= 5 && reg != 1 ? sensitive(insn, InsnId::mov_to_seg) : Verdict::undefined;
        case 0x9A: return sensitive(insn, InsnId::far_call, Flow::other);
        case 0x9B: return fpu(insn, FpuUse::wait);
        case 0x9C: return sensitive(insn, InsnId::pushf);
        case 0x9D: return sensitive(insn, InsnId::popf);
        case 0xC2:
        case 0xC3: return branch(insn, Flow::ret);
        case 0xC4: return sensitive(insn, InsnId::les);
        case 0xC5: return sensitive(insn, InsnId::lds);
        case 0xC6:
        case 0xC7: return reg == 0 ? Verdict::ask_capstone : Verdict::undefined;  // xabort, xbegin
        case 0xCA:
        case 0xCB: return sensitive(insn, InsnId::far_ret, Flow::other);
        case 0xCC: return sensitive(insn, InsnId::int3, Flow::other);
        case 0xCD: return sensitive(insn, InsnId::int_n, Flow::other);
        case 0xCE: return sensitive(insn, InsnId::into, Flow::other);
        case 0xCF: return sensitive(insn, InsnId::iret, Flow::other);
        case 0xE0:
        case 0xE1:
        case 0xE2:
        case 0xE3: return branch(insn, Flow::jcc);
        case 0xE4:
        case 0xE5:
        case 0xEC:
        case 0xED: return sensitive(insn, InsnId::in);
        case 0xE6:
        case 0xE7:
        case 0xEE:
        case 0xEF: return sensitive(insn, InsnId::out);
        case 0xE8: return branch(insn, Flow::call);
        case 0xE9:
        case 0xEB: return branch(insn, Flow::jmp);
        case 0xEA: return sensitive(insn, InsnId::far_jmp, Flow::other);
        case 0xF1: return sensitive(insn, InsnId::int1, Flow::other);
        case 0xF4: return sensitive(insn, InsnId::hlt, Flow::other);
        case 0xFA: return sensitive(insn, InsnId::cli);
        case 0xFB: return sensitive(insn, InsnId::sti);
        case 0xFF:
            switch (reg) {
                case 2: return branch(insn, Flow::call_indirect);
                case 3:
                    return insn.has_memory ? sensitive(insn, InsnId::far_call, Flow::other)
                                           : Verdict::undefined;
                case 4: return branch(insn, Flow::jmp_indirect);
                case 5:
                    return insn.has_memory ? sensitive(insn, InsnId::far_jmp, Flow::other)
                                           : Verdict::undefined;
                case 7: return Verdict::undefined;
                default: return Verdict::ask_capstone;
            }
        default: return Verdict::ask_capstone;
    }
}

/// 0F 00 and 0F 01.
Verdict system_groups(Instruction& insn) {
    constexpr InsnId group6[8] = {InsnId::sldt, InsnId::str,  InsnId::lldt,      InsnId::ltr,
                                  InsnId::verr, InsnId::verw, InsnId::undefined, InsnId::undefined};
    constexpr InsnId group7_memory[8] = {InsnId::sgdt, InsnId::sidt,      InsnId::lgdt, InsnId::lidt,
                                         InsnId::smsw, InsnId::undefined, InsnId::lmsw, InsnId::invlpg};
    InsnId id = InsnId::undefined;
    if (insn.opcode == 0x00)
        id = group6[insn.reg_field()];
    else if (insn.has_memory)
        id = group7_memory[insn.reg_field()];
    else if (insn.reg_field() == 4)
        id = InsnId::smsw;
    else if (insn.reg_field() == 6)
        id = InsnId::lmsw;
    else if (insn.modrm == 0xD0)
        id = InsnId::xgetbv;
    else if (insn.modrm == 0xD1)
        id = InsnId::xsetbv;
    else if (insn.modrm == 0xF9)
        id = InsnId::rdtscp;
    // The rest of group 7 (vmcall, monitor, clac, xend, wrpkru ...) does not exist on the CPU model.
    return id == InsnId::undefined ? Verdict::undefined : sensitive(insn, id);
}

/// 0F AE: fxsave and its kin, fences.
Verdict group_15(Instruction& insn) {
    const bool prefixed = insn.prefix_rep != 0 || insn.operand_size != 4;
    if (!insn.has_memory) {
        const bool fence = insn.reg_field() >= 5 && insn.prefix_rep == 0;
        return fence ? Verdict::innocuous : Verdict::undefined;
    }
    switch (insn.reg_field()) {
        case 0:
        case 1: return insn.prefix_rep ? Verdict::undefined : fpu(insn, FpuUse::state);  // fxsave, fxrstor
        case 2:
        case 3: return insn.prefix_rep ? Verdict::undefined : fpu(insn, FpuUse::sse);  // ldmxcsr, stmxcsr
        case 7: return prefixed ? Verdict::undefined : Verdict::innocuous;             // clflush
        default: return Verdict::undefined;  // xsave and xrstor need CR4.OSXSAVE
    }
}

/// MMX and SSE; the exceptions in their opcode ranges touch general registers and memory only.
bool is_simd(const Instruction& insn) {
    const unsigned op = insn.opcode;
    if (insn.opcode_map == 2) return op < 0xF0;
    if (insn.opcode_map == 3) return op != 0xF0;
    if (insn.opcode_map != 1) return false;
    if (op >= 0x10 && op <= 0x17) return true;
    if (op >= 0x28 && op <= 0x2F) return true;
    if (op >= 0x50 && op <= 0x77) return true;
    if (op >= 0x7C && op <= 0x7F) return true;
    if (op == 0xC2 || (op >= 0xC4 && op <= 0xC6)) return true;  // C3 is movnti
    return op >= 0xD0 && op != 0xFF;
}

/// 66, F2 and F3 are part of the opcode here.  In 16-bit code the operand size does not tell of a 66.
bool has_mandatory_prefix(const Instruction& insn) {
    if (insn.prefix_rep) return true;
    for (const std::uint8_t* byte = insn.bytes; *byte != 0x0F; ++byte)
        if (*byte == 0x66) return true;
    return false;
}

/// Which registers a SIMD instruction uses: MMX without a mandatory prefix, in the opcodes that MMX and its
/// successors filled; SDM Vol. 2D, tables.
FpuUse simd_use(const Instruction& insn) {
    const unsigned op = insn.opcode;
    if (has_mandatory_prefix(insn)) return FpuUse::sse;
    if (insn.opcode_map == 2) return op <= 0x1E ? FpuUse::mmx : FpuUse::sse;
    if (insn.opcode_map == 3) return op == 0x0F ? FpuUse::mmx : FpuUse::sse;  // palignr
    const bool mmx = (op >= 0x60 && op <= 0x7F) || op == 0xC4 || op == 0xC5 || op >= 0xD1;
    return mmx ? FpuUse::mmx : FpuUse::sse;
}

Verdict two_byte(Instruction& insn) {
    const unsigned op = insn.opcode;
    if (op >= 0x80 && op <= 0x8F) return branch(insn, Flow::jcc);
    switch (op) {
        case 0x00:
        case 0x01: return system_groups(insn);
        case 0x02: return sensitive(insn, InsnId::lar);
        case 0x03: return sensitive(insn, InsnId::lsl);
        case 0x05: return sensitive(insn, InsnId::syscall, Flow::other);
        case 0x06: return sensitive(insn, InsnId::clts);
        case 0x07: return sensitive(insn, InsnId::sysret, Flow::other);
        case 0x08: return sensitive(insn, InsnId::invd);
        case 0x09: return sensitive(insn, InsnId::wbinvd);
        case 0x0B: insn.flow = Flow::other; return Verdict::undefined;                // ud2
        case 0x0D: return insn.has_memory ? Verdict::innocuous : Verdict::undefined;  // prefetchw
        case 0x0E:
        case 0x0F:
            return Verdict::undefined;  // 3DNow!
        // Hints: whatever is not a prefetch is a nop, endbr32 among them.
        case 0x18:
        case 0x19:
        case 0x1A:
        case 0x1B:
        case 0x1C:
        case 0x1D:
        case 0x1E:
        case 0x1F:
            // With CET and MPX off these are nops, but F3 0F 1E /1 would read a shadow stack pointer: none
            // here.
            return Verdict::innocuous;
        case 0x20:
        case 0x22: {
            const unsigned cr = insn.reg_field();
            return cr == 1 || cr > 4 ? Verdict::undefined : sensitive(insn, InsnId::mov_cr);
        }
        case 0x21:
        case 0x23: return sensitive(insn, InsnId::mov_dr);
        case 0x30: return sensitive(insn, InsnId::wrmsr);
        case 0x31: return sensitive(insn, InsnId::rdtsc);
        case 0x32: return sensitive(insn, InsnId::rdmsr);
        case 0x33: return sensitive(insn, InsnId::rdpmc);
        case 0x34: return sensitive(insn, InsnId::sysenter, Flow::other);
        case 0x35: return sensitive(insn, InsnId::sysexit, Flow::other);
        case 0x36:
        case 0x37:
        case 0x78:
        case 0x79:
        case 0xAA:
        case 0xB9:
        case 0xFF: return Verdict::undefined;  // getsec, vmread, vmwrite, rsm, ud1, ud0
        case 0xA0:
        case 0xA8: return sensitive(insn, InsnId::push_seg);
        case 0xA1:
        case 0xA9: return sensitive(insn, InsnId::pop_seg);
        case 0xA2: return sensitive(insn, InsnId::cpuid);
        case 0xA6:
        case 0xA7: return Verdict::undefined;
        case 0xAE: return group_15(insn);
        case 0xB2: return insn.has_memory ? sensitive(insn, InsnId::lss) : Verdict::undefined;
        case 0xB4: return insn.has_memory ? sensitive(insn, InsnId::lfs) : Verdict::undefined;
        case 0xB5: return insn.has_memory ? sensitive(insn, InsnId::lgs) : Verdict::undefined;
        case 0xC7:  // cmpxchg8b; the others are vmx, rdrand, rdseed, rdpid and xsavec
            return insn.has_memory && insn.reg_field() == 1 ? Verdict::innocuous : Verdict::undefined;
        default: return Verdict::ask_capstone;
    }
}

}  // namespace

Verdict classify(Instruction& insn) {
    insn.id = InsnId::innocuous;
    Verdict verdict = Verdict::ask_capstone;
    if (insn.opcode_map == 0)
        verdict = one_byte(insn);
    else if (insn.opcode_map == 1)
        verdict = two_byte(insn);
    if (verdict == Verdict::ask_capstone && is_simd(insn)) insn.fpu = simd_use(insn);
    return verdict;
}

}  // namespace ringpress
