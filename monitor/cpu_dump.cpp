#include "monitor/cpu_dump.hpp"

#include <fmt/format.h>

#include <cstring>

namespace ringpress {

namespace {

/// System descriptors by type, SDM Vol. 3A, table 3-2, in QEMU's words.
constexpr const char* kSystemTypes[16] = {
    "Reserved", "TSS16-avl", "LDT",      "TSS16-busy", "CallGate16", "TaskGate", "IntGate16", "TrapGate16",
    "Reserved", "TSS32-avl", "Reserved", "TSS32-busy", "CallGate32", "Reserved", "IntGate32", "TrapGate32"};

/// The descriptor's high word as it was in the table, but for the base.
std::uint32_t high_word(const SegmentRegister& s) {
    const bool granular = s.attributes & 0x8000u;
    const std::uint32_t limit = granular ? s.limit >> 12 : s.limit;
    return (static_cast<std::uint32_t>(s.attributes) << 8) | (limit & 0xF0000u);
}

std::string segment_line(const char* name, const SegmentRegister& s, bool protected_mode) {
    std::string line =
        fmt::format("{:<3}={:04x} {:08x} {:08x} {:08x}", name, s.selector, s.base, s.limit, high_word(s));
    if (protected_mode && s.present()) {
        line += fmt::format(" DPL={} ", s.dpl());
        const auto flag = [&](unsigned bit, char letter) { return s.type() & bit ? letter : '-'; };
        if (s.is_code())
            line += fmt::format("{} [{}{}{}]", s.is_big() ? "CS32" : "CS16", flag(4, 'C'), flag(2, 'R'),
                                flag(1, 'A'));
        else if (s.is_code_or_data())
            line += fmt::format("{} [{}{}{}]", s.is_big() ? "DS  " : "DS16", flag(4, 'E'), flag(2, 'W'),
                                flag(1, 'A'));
        else
            line += kSystemTypes[s.type()];
    }
    return line + "\n";
}

}  // namespace

std::string cpu_dump(const VCpu& c) {
    const auto flag = [&](std::uint32_t bit, char letter) { return c.eflags & bit ? letter : '-'; };
    std::string out = fmt::format(
        "EAX={:08x} EBX={:08x} ECX={:08x} EDX={:08x}\nESI={:08x} EDI={:08x} EBP={:08x} ESP={:08x}\n",
        c.reg(Gpr::eax), c.reg(Gpr::ebx), c.reg(Gpr::ecx), c.reg(Gpr::edx), c.reg(Gpr::esi), c.reg(Gpr::edi),
        c.reg(Gpr::ebp), c.reg(Gpr::esp));
    out += fmt::format("EIP={:08x} EFL={:08x} [{}{}{}{}{}{}{}] CPL={} II={:d} A20=1 SMM=0 HLT={:d}\n", c.eip,
                       c.eflags, flag(eflags::DF, 'D'), flag(eflags::OF, 'O'), flag(eflags::SF, 'S'),
                       flag(eflags::ZF, 'Z'), flag(eflags::AF, 'A'), flag(eflags::PF, 'P'),
                       flag(eflags::CF, 'C'), c.cpl, c.shadow != InterruptShadow::none,
                       c.activity == Activity::halted);
    constexpr const char* kNames[6] = {"ES", "CS", "SS", "DS", "FS", "GS"};
    const bool protected_mode = c.cr0 & cr0::PE;
    for (unsigned i = 0; i < 6; ++i) out += segment_line(kNames[i], c.seg[i], protected_mode);
    out += segment_line("LDT", c.ldtr, protected_mode) + segment_line("TR", c.tr, protected_mode);
    out += fmt::format("GDT=     {:08x} {:08x}\nIDT=     {:08x} {:08x}\n", c.gdtr.base, c.gdtr.limit,
                       c.idtr.base, c.idtr.limit);
    out += fmt::format("CR0={:08x} CR2={:08x} CR3={:08x} CR4={:08x}\n", c.cr0, c.cr2, c.cr3, c.cr4);
    for (unsigned i = 0; i < 4; ++i) out += fmt::format("DR{}={:08x} ", i, c.dr[i]);
    out += fmt::format("\nDR6={:08x} DR7={:08x}\nEFER={:016x}\n", c.dr[6], c.dr[7], 0);
    return out;
}

std::string fpu_dump(std::span<const std::uint8_t, 512> image) {
    const auto number = [&](std::size_t at, std::size_t bytes) {
        std::uint64_t value = 0;
        std::memcpy(&value, &image[at], bytes);
        return value;
    };
    constexpr std::size_t kFirstSt = 32, kFirstXmm = 160, kStep = 16;
    const std::uint64_t status = number(2, 2);
    const unsigned top = status >> 11 & 7;
    std::string out = fmt::format("FCW={:04x} FSW={:04x} [ST={}] FTW={:02x} MXCSR={:08x}\n", number(0, 2),
                                  status, top, number(4, 1), number(24, 4));
    for (unsigned i = 0; i < 8; ++i) {
        // FXSAVE counts from the top of the stack, this listing in the registers' own order.
        const std::size_t at = kFirstSt + kStep * ((i - top) & 7u);
        out += fmt::format("FPR{}={:016x} {:04x}{}", i, number(at, 8), number(at + 8, 2), i % 2 ? '\n' : ' ');
    }
    for (unsigned i = 0; i < 8; ++i) {
        const std::size_t at = kFirstXmm + kStep * i;
        out += fmt::format("XMM{:02}={:016x} {:016x}{}", i, number(at + 8, 8), number(at, 8),
                           i % 2 ? '\n' : ' ');
    }
    return out;
}

}  // namespace ringpress
