// hlt, control and debug registers, the machine status word, invlpg, caches.
// SDM Vol. 3A, section 2.5 (control registers) and Vol. 3B, section 17.2 (debug registers).
#include "traps/emulate_common.hpp"

namespace ringpress {

namespace {

/// What CR0 keeps: its other bits ignore writes.
constexpr std::uint32_t kCr0Bits =
    cr0::PE | cr0::MP | cr0::EM | cr0::TS | cr0::NE | cr0::WP | cr0::AM | cr0::NW | cr0::CD | cr0::PG;

Result<void> write_cr0(Machine& m, std::uint32_t value) {
    value = (value & kCr0Bits) | cr0::ET;
    if ((value & cr0::PG) && !(value & cr0::PE)) return Fault::gp(0);
    if ((value & cr0::NW) && !(value & cr0::CD)) return Fault::gp(0);
    // There is no real mode here: a guest that leaves protected mode is told so at once.
    if (!(value & cr0::PE)) return Fault::gp(0);
    const std::uint32_t changed = m.cpu.cr0 ^ value;
    m.cpu.cr0 = value;
    if (changed & (cr0::PG | cr0::WP)) m.translation.paging_mode_changed();
    if (changed & (cr0::TS | cr0::EM | cr0::MP)) m.translation.sensitivity_changed();
    return {};
}

/// The CR4 bits whose features CPUID reports; all others are reserved.
std::uint32_t cr4_bits(const CpuModel& model) {
    struct Pair {
        unsigned feature;
        std::uint32_t bits;
    };
    constexpr Pair pairs[] = {{2, cr4::DE},   {3, cr4::PSE},     {4, cr4::TSD},        {7, cr4::MCE},
                              {13, cr4::PGE}, {24, cr4::OSFXSR}, {25, cr4::OSXMMEXCPT}};
    std::uint32_t bits = cr4::PCE;
    for (const Pair& p : pairs)
        if (model.features_edx & (1u << p.feature)) bits |= p.bits;
    return bits;
}

Result<void> write_cr4(Machine& m, std::uint32_t value) {
    if (value & ~cr4_bits(m.model)) return Fault::gp(0);
    const std::uint32_t changed = m.cpu.cr4 ^ value;
    m.cpu.cr4 = value;
    if (changed & (cr4::PSE | cr4::PGE)) m.translation.paging_mode_changed();
    if (changed & (cr4::TSD | cr4::OSFXSR)) m.translation.sensitivity_changed();
    return {};
}

Emulated move_control(Machine& m, const Instruction& insn) {
    VCpu& cpu = m.cpu;
    if (cpu.cpl != 0) return Fault::gp(0);
    std::uint32_t& gpr = cpu.gpr[insn.rm_field()];
    const bool to_control = insn.opcode == 0x22;
    switch (insn.reg_field()) {
        case 0:
            if (to_control)
                TRY(write_cr0(m, gpr));
            else
                gpr = cpu.cr0;
            return Next::advance;
        case 2: (to_control ? cpu.cr2 : gpr) = to_control ? gpr : cpu.cr2; return Next::advance;
        case 3:
            if (to_control) {
                cpu.cr3 = gpr;
                m.translation.address_space_changed();
            } else {
                gpr = cpu.cr3;
            }
            return Next::advance;
        case 4:
            if (to_control)
                TRY(write_cr4(m, gpr));
            else
                gpr = cpu.cr4;
            return Next::advance;
        default: return Fault::ud();
    }
}

Emulated move_debug(Machine& m, const Instruction& insn) {
    constexpr std::uint32_t dr7_gd = 1u << 13, dr6_bd = 1u << 13;
    VCpu& cpu = m.cpu;
    unsigned number = insn.reg_field();
    if (number == 4 || number == 5) {  // aliases of DR6 and DR7, unless debug extensions are on
        if (cpu.cr4 & cr4::DE) return Fault::ud();
        number += 2;
    }
    if (cpu.cpl != 0) return Fault::gp(0);
    if (cpu.dr[7] & dr7_gd) {  // general detect: the handler may use the registers again
        cpu.dr[7] &= ~dr7_gd;
        cpu.dr[6] |= dr6_bd;
        return Fault{Vector::DB, 0, 0};
    }
    std::uint32_t& gpr = cpu.gpr[insn.rm_field()];
    if (insn.opcode == 0x21) {
        gpr = cpu.dr[number];
    } else if (number == 6) {
        cpu.dr[6] = (gpr & 0x0000E00Fu) | 0xFFFF0FF0u;
    } else if (number == 7) {
        cpu.dr[7] = (gpr & ~0x0000D800u) | 0x400u;
    } else {
        cpu.dr[number] = gpr;
    }
    return Next::advance;
}

Emulated store_status_word(Machine& m, const Instruction& insn) {
    // To memory always 16 bits; a 32-bit register receives all of CR0.
    TRY(write_rm(m, insn, insn.has_memory ? 2 : insn.operand_size, m.cpu.cr0));
    return Next::advance;
}

}  // namespace

Emulated emulate_control(Machine& m, const Instruction& insn) {
    VCpu& cpu = m.cpu;
    switch (insn.id) {
        case InsnId::mov_cr: return move_control(m, insn);
        case InsnId::mov_dr: return move_debug(m, insn);
        case InsnId::smsw: return store_status_word(m, insn);
        default: break;
    }
    if (cpu.cpl != 0) return Fault::gp(0);
    switch (insn.id) {
        case InsnId::hlt: cpu.activity = Activity::halted; break;
        case InsnId::clts: TRY(write_cr0(m, cpu.cr0 & ~cr0::TS)); break;
        case InsnId::lmsw: {
            // PE, MP, EM and TS; PE can be set but not cleared this way.
            constexpr std::uint32_t word = cr0::PE | cr0::MP | cr0::EM | cr0::TS;
            const std::uint32_t source = TRY(read_rm(m, insn, 2));
            TRY(write_cr0(m, (cpu.cr0 & ~(word & ~cr0::PE)) | (source & word)));
            break;
        }
        case InsnId::invlpg: {
            const std::uint32_t base = cpu.segment(insn.memory.segment).base;
            m.translation.page_invalidated(gva(base + effective_offset(cpu, insn)));
            break;
        }
        default: break;  // invd, wbinvd: the host's caches are coherent
    }
    return Next::advance;
}

}  // namespace ringpress
