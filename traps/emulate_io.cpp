// in, out, ins, outs and the I/O permission map.  SDM Vol. 1, chapter 18.
#include "traps/emulate_common.hpp"

namespace ringpress {

namespace {

/// IOPL, or a clear bit in the TSS's map for each byte of the port, SDM Vol. 1, section 18.5.2.
Result<void> check_port(Machine& m, std::uint16_t port, unsigned width) {
    const VCpu& cpu = m.cpu;
    if (cpu.cpl <= cpu.iopl()) return {};
    constexpr std::uint32_t map_base_at = 0x66;
    const SegmentRegister& tr = cpu.tr;
    const bool wide = (tr.type() & ~2u) == 9u;
    if (!tr.present() || !wide || tr.limit < map_base_at + 1) return Fault::gp(0);
    const Access access = Access::read(false);
    const std::uint32_t map = TRY(m.memory.read(gva(tr.base + map_base_at), 2, access));
    // The processor reads two bytes, since a port's bits may straddle; both must be inside the limit.
    const std::uint32_t at = map + port / 8u;
    if (at + 1 > tr.limit) return Fault::gp(0);
    const std::uint32_t bits = TRY(m.memory.read(gva(tr.base + at), 2, access)) >> (port % 8u);
    if (bits & ((1u << width) - 1u)) return Fault::gp(0);
    return {};
}

Emulated in_out(Machine& m, const Instruction& insn) {
    const bool by_immediate = insn.opcode < 0xE8;
    const unsigned width = insn.opcode & 1u ? insn.operand_size : 1;
    const auto port = static_cast<std::uint16_t>(by_immediate ? insn.immediate & 0xFFu : m.cpu.reg(Gpr::edx));
    TRY(check_port(m, port, width));
    if (insn.id == InsnId::in)
        write_gpr(m.cpu, 0, width, m.bus.port_in(port, width) & size_mask(width));
    else
        m.bus.port_out(port, width, read_gpr(m.cpu, 0, width));
    return Next::advance;
}

/// The registers of a string instruction under its address size.
struct StringRegisters {
    VCpu& cpu;
    std::uint32_t mask;
    std::uint32_t count(bool rep) const { return rep ? cpu.reg(Gpr::ecx) & mask : 1; }
    std::uint32_t offset(Gpr r) const { return cpu.reg(r) & mask; }
    void step(Gpr r, std::uint32_t by) { cpu.reg(r) = (cpu.reg(r) & ~mask) | ((cpu.reg(r) + by) & mask); }
};

/// Iterations until the page ends: one call does no more, so that interrupts are not held up for long.
constexpr std::uint32_t iterations_in_page(gva at, unsigned width, bool down) {
    return down ? at.offset() / width + 1 : (kPageSize - at.offset()) / width;
}

Emulated string_io(Machine& m, const Instruction& insn) {
    VCpu& cpu = m.cpu;
    const bool is_in = insn.id == InsnId::ins, rep = insn.prefix_rep != 0, down = cpu.eflags & eflags::DF;
    const unsigned width = insn.opcode & 1u ? insn.operand_size : 1;
    const auto port = static_cast<std::uint16_t>(cpu.reg(Gpr::edx));
    const Seg segment = is_in ? Seg::es : insn.has_override ? insn.override_segment : Seg::ds;
    const Gpr index = is_in ? Gpr::edi : Gpr::esi;
    StringRegisters regs{cpu, size_mask(insn.address_size)};

    TRY(check_port(m, port, width));
    const std::uint32_t wanted = regs.count(rep);
    if (wanted == 0) return Next::advance;
    const gva first = TRY(linear(cpu, segment, regs.offset(index), width, is_in));
    std::uint32_t limit = iterations_in_page(first, width, down);
    if (limit == 0) limit = 1;
    if (limit > wanted) limit = wanted;

    for (std::uint32_t i = 0; i < limit; ++i) {
        // Memory is tried before the port is touched: a port read cannot be undone.  A fault behind the first
        // iteration is left for the next attempt.
        const Access access{is_in, user_mode(m), false};
        const Result<gva> at = linear(cpu, segment, regs.offset(index), width, is_in);
        if (!at) {
            if (i == 0) return at.fault();
            return Next::repeat;
        }
        const Result<gpa> page = m.memory.translate(at.value(), access);
        const Result<gpa> tail = m.memory.translate(at.value() + (width - 1), access);
        if (!page || !tail) {
            if (i == 0) return page ? tail.fault() : page.fault();
            return Next::repeat;
        }
        if (is_in)
            TRY(m.memory.write(at.value(), width, m.bus.port_in(port, width), access));
        else
            m.bus.port_out(port, width, TRY(m.memory.read(at.value(), width, access)));
        regs.step(index, down ? 0u - width : width);
        if (rep) regs.step(Gpr::ecx, 0u - 1u);
    }
    return rep && limit < wanted ? Next::repeat : Next::advance;
}

}  // namespace

Emulated emulate_io(Machine& m, const Instruction& insn) {
    if (insn.id == InsnId::in || insn.id == InsnId::out) return in_out(m, insn);
    return string_io(m, insn);
}

}  // namespace ringpress
