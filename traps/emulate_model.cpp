// cpuid, the time-stamp counter and model-specific registers.
// SDM Vol. 2A, CPUID; Vol. 3B, section 17.17 (TSC); Vol. 4 (MSRs).
#include "traps/cpuid_model.hpp"
#include "traps/emulate_common.hpp"

namespace ringpress {

namespace {

enum Msr : std::uint32_t {
    tsc = 0x10,
    platform_id = 0x17,
    apic_base = 0x1B,
    tsc_adjust = 0x3B,
    bios_sign_id = 0x8B,
    mtrr_cap = 0xFE,
    arch_capabilities = 0x10A,
    misc_enable = 0x1A0,
    debug_control = 0x1D9,
    pat = 0x277,
    mtrr_def_type = 0x2FF,
};

void write_pair(VCpu& cpu, std::uint64_t value) {
    cpu.reg(Gpr::eax) = static_cast<std::uint32_t>(value);
    cpu.reg(Gpr::edx) = static_cast<std::uint32_t>(value >> 32);
}

Emulated read_msr(Machine& m) {
    VCpu& cpu = m.cpu;
    if (cpu.cpl != 0) return Fault::gp(0);
    std::uint64_t value = 0;
    switch (cpu.reg(Gpr::ecx)) {
        case Msr::tsc: value = m.time.guest_tsc(); break;
        case Msr::apic_base:
            if (!m.model.apic) return Fault::gp(0);
            value = cpu.msr.apic_base;
            break;
        case Msr::tsc_adjust: value = cpu.msr.tsc_adjust; break;
        case Msr::bios_sign_id: value = cpu.msr.bios_sign_id; break;
        case Msr::arch_capabilities: value = kArchCapabilities; break;
        case Msr::misc_enable: value = cpu.msr.misc_enable; break;
        case Msr::pat: value = cpu.msr.pat; break;
        case Msr::mtrr_def_type: value = cpu.msr.mtrr_def_type; break;
        // Registers that kernels of this family read without asking CPUID first; all of their bits are zero.
        case Msr::platform_id:
        case Msr::mtrr_cap:
        case Msr::debug_control: break;
        default: return Fault::gp(0);
    }
    write_pair(cpu, value);
    return Next::advance;
}

/// Bits of IA32_APIC_BASE: 8 is read-only, 11 enables, 12..31 place the page.
Result<void> write_apic_base(Machine& m, std::uint64_t value) {
    constexpr std::uint64_t bsp = 1u << 8, enable = 1u << 11, address = 0xFFFFF000u;
    if (!m.model.apic || (value & ~(bsp | enable | address))) return Fault::gp(0);
    m.cpu.msr.apic_base = (value & ~bsp) | (m.cpu.msr.apic_base & bsp);
    return {};
}

/// Eight memory types; 2 and 3 and anything above 7 are reserved.
bool valid_pat(std::uint64_t value) {
    for (unsigned i = 0; i < 8; ++i, value >>= 8) {
        const unsigned type = value & 0xFFu;
        if (type > 7 || type == 2 || type == 3) return false;
    }
    return true;
}

/// The guest's own changes of its TSC are on record, so that it can tell them from its firmware's.
void adjust_tsc(Machine& m, std::uint64_t by) {
    m.cpu.msr.tsc_offset += by;
    m.cpu.msr.tsc_adjust += by;
    m.translation.sensitivity_changed();  // rdtsc runs natively only without an offset
}

Emulated write_msr(Machine& m) {
    VCpu& cpu = m.cpu;
    if (cpu.cpl != 0) return Fault::gp(0);
    const std::uint64_t value = static_cast<std::uint64_t>(cpu.reg(Gpr::edx)) << 32 | cpu.reg(Gpr::eax);
    switch (cpu.reg(Gpr::ecx)) {
        case Msr::tsc: adjust_tsc(m, value - m.time.guest_tsc()); break;
        case Msr::tsc_adjust: adjust_tsc(m, value - cpu.msr.tsc_adjust); break;
        case Msr::apic_base: TRY(write_apic_base(m, value)); break;
        case Msr::bios_sign_id: cpu.msr.bios_sign_id = value; break;
        case Msr::misc_enable: cpu.msr.misc_enable = value; break;
        case Msr::pat:
            if (!valid_pat(value)) return Fault::gp(0);
            cpu.msr.pat = value;
            break;
        case Msr::mtrr_def_type: cpu.msr.mtrr_def_type = value; break;
        case Msr::debug_control:
            if (value != 0) return Fault::gp(0);
            break;
        default: return Fault::gp(0);
    }
    return Next::advance;
}

Emulated answer_cpuid(Machine& m) {
    VCpu& cpu = m.cpu;
    const bool apic_enabled = m.model.apic && (cpu.msr.apic_base & (1u << 11));
    const CpuidLeaf leaf = cpuid_leaf(m.model, cpu.reg(Gpr::eax), cpu.reg(Gpr::ecx), apic_enabled);
    cpu.reg(Gpr::eax) = leaf.eax;
    cpu.reg(Gpr::ebx) = leaf.ebx;
    cpu.reg(Gpr::ecx) = leaf.ecx;
    cpu.reg(Gpr::edx) = leaf.edx;
    return Next::advance;
}

}  // namespace

Emulated emulate_model(Machine& m, const Instruction& insn) {
    switch (insn.id) {
        case InsnId::cpuid: return answer_cpuid(m);
        case InsnId::rdtsc:
            if ((m.cpu.cr4 & cr4::TSD) && m.cpu.cpl != 0) return Fault::gp(0);
            write_pair(m.cpu, m.time.guest_tsc());
            return Next::advance;
        case InsnId::rdmsr: return read_msr(m);
        case InsnId::wrmsr: return write_msr(m);
        case InsnId::rdpmc: return Fault::gp(0);  // no counter exists, so every index is wrong
        default: return Fault::ud();              // rdtscp, xgetbv, xsetbv: not in the CPU model
    }
}

}  // namespace ringpress
