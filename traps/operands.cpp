// Operands of an instruction: registers, memory through segments, the stack.
#include "traps/emulate_common.hpp"

namespace ringpress {

std::uint32_t effective_offset(const VCpu& cpu, const Instruction& insn) {
    const MemoryOperand& m = insn.memory;
    std::uint32_t offset = static_cast<std::uint32_t>(m.displacement);
    if (m.base >= 0) offset += cpu.gpr[m.base];
    if (m.index >= 0) offset += cpu.gpr[m.index] * m.scale;
    if (!insn.has_modrm && insn.opcode == 0xD7) offset += cpu.gpr[0] & 0xFFu;  // xlat: [ebx + al]
    return insn.address_size == 2 ? offset & 0xFFFFu : offset;
}

Result<gva> reach(const VCpu& cpu, Seg segment, std::uint32_t offset, unsigned bytes, bool write) {
    const SegmentRegister& s = cpu.segment(segment);
    const bool usable = s.present() && (write ? s.is_writable_data() : s.is_readable());
    if (!usable || !within_limit(s, offset, bytes)) return segment == Seg::ss ? Fault::ss(0) : Fault::gp(0);
    return gva(s.base + offset);
}

Result<gva> linear(const VCpu& cpu, Seg segment, std::uint32_t offset, unsigned width, bool write) {
    const gva at = TRY(reach(cpu, segment, offset, width, write));
    const unsigned alignment = width == 6 ? 4 : width;  // a table register's contents, SDM Vol. 3A, table 6-7
    if (alignment_checked(cpu) && (at.value & (alignment - 1))) return Fault{Vector::AC, 0, 0};
    return at;
}

Result<std::uint32_t> load(Machine& m, Seg segment, std::uint32_t offset, unsigned width) {
    const gva at = TRY(linear(m.cpu, segment, offset, width, false));
    return m.memory.read(at, width, Access::read(user_mode(m)));
}

Result<void> store(Machine& m, Seg segment, std::uint32_t offset, unsigned width, std::uint32_t value) {
    const gva at = TRY(linear(m.cpu, segment, offset, width, true));
    return m.memory.write(at, width, value, Access::store(user_mode(m)));
}

Result<std::uint32_t> read_rm(Machine& m, const Instruction& insn, unsigned width) {
    if (!insn.has_memory) return read_gpr(m.cpu, insn.rm_field(), width);
    return load(m, insn.memory.segment, effective_offset(m.cpu, insn), width);
}

Result<void> write_rm(Machine& m, const Instruction& insn, unsigned width, std::uint32_t value) {
    if (insn.has_memory) return store(m, insn.memory.segment, effective_offset(m.cpu, insn), width, value);
    write_gpr(m.cpu, insn.rm_field(), width, value);
    return {};
}

std::uint32_t read_gpr(const VCpu& cpu, unsigned number, unsigned width) {
    if (width == 4) return cpu.gpr[number];
    if (width == 2) return cpu.gpr[number] & 0xFFFFu;
    // Numbers 4..7 are ah, ch, dh, bh.
    return (cpu.gpr[number & 3u] >> (number & 4u ? 8 : 0)) & 0xFFu;
}

void write_gpr(VCpu& cpu, unsigned number, unsigned width, std::uint32_t value) {
    if (width == 4) {
        cpu.gpr[number] = value;
    } else if (width == 2) {
        cpu.gpr[number] = (cpu.gpr[number] & 0xFFFF0000u) | (value & 0xFFFFu);
    } else {
        const unsigned shift = number & 4u ? 8 : 0;
        std::uint32_t& r = cpu.gpr[number & 3u];
        r = (r & ~(0xFFu << shift)) | ((value & 0xFFu) << shift);
    }
}

Result<void> push(Machine& m, unsigned width, std::uint32_t value) {
    const SegmentRegister& ss = m.cpu.segment(Seg::ss);
    std::uint32_t& esp = m.cpu.reg(Gpr::esp);
    const std::uint32_t below = moved_esp(ss, esp, 0u - width);
    TRY(store(m, Seg::ss, ss.is_big() ? below : below & 0xFFFFu, width, value));
    esp = below;
    return {};
}

Result<std::uint32_t> pop(Machine& m, unsigned width) {
    const SegmentRegister& ss = m.cpu.segment(Seg::ss);
    std::uint32_t& esp = m.cpu.reg(Gpr::esp);
    const std::uint32_t value = TRY(load(m, Seg::ss, ss.is_big() ? esp : esp & 0xFFFFu, width));
    esp = moved_esp(ss, esp, width);
    return value;
}

}  // namespace ringpress
