#include "monitor/cpu_dump.hpp"

#include <fmt/format.h>

namespace ringpress {

namespace {
std::string segment_line(const char* name, const SegmentRegister& s) {
    return fmt::format("{:<3}={:04x} {:08x} {:08x} {:08x}\n", name, s.selector, s.base, s.limit,
                       s.attributes << 8);
}
}  // namespace

std::string cpu_dump(const VCpu& c) {
    const auto flag = [&](std::uint32_t bit, char letter) { return c.eflags & bit ? letter : '-'; };
    std::string out = fmt::format(
        "EAX={:08x} EBX={:08x} ECX={:08x} EDX={:08x}\nESI={:08x} EDI={:08x} EBP={:08x} ESP={:08x}\n",
        c.reg(Gpr::eax), c.reg(Gpr::ebx), c.reg(Gpr::ecx), c.reg(Gpr::edx), c.reg(Gpr::esi), c.reg(Gpr::edi),
        c.reg(Gpr::ebp), c.reg(Gpr::esp));
    out += fmt::format("EIP={:08x} EFL={:08x} [{}{}{}{}{}{}{}{}] CPL={} HLT={}\n", c.eip, c.eflags,
                       flag(eflags::IF, 'I'), flag(eflags::DF, 'D'), flag(eflags::OF, 'O'),
                       flag(eflags::SF, 'S'), flag(eflags::ZF, 'Z'), flag(eflags::AF, 'A'),
                       flag(eflags::PF, 'P'), flag(eflags::CF, 'C'), c.cpl,
                       c.activity == Activity::halted ? 1 : 0);
    constexpr const char* kNames[6] = {"ES", "CS", "SS", "DS", "FS", "GS"};
    for (unsigned i = 0; i < 6; ++i) out += segment_line(kNames[i], c.seg[i]);
    out += segment_line("LDT", c.ldtr) + segment_line("TR", c.tr);
    out += fmt::format("GDT=     {:08x} {:08x}\nIDT=     {:08x} {:08x}\n", c.gdtr.base, c.gdtr.limit,
                       c.idtr.base, c.idtr.limit);
    out += fmt::format("CR0={:08x} CR2={:08x} CR3={:08x} CR4={:08x}\n", c.cr0, c.cr2, c.cr3, c.cr4);
    return out;
}

}  // namespace ringpress
