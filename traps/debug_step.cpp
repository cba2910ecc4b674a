// One instruction at a time: for a debugger, and for what can run neither natively nor in software.
#include <algorithm>

#include "traps/dispatch.hpp"

namespace ringpress {

namespace {

constexpr std::uint8_t kPrefixCs = 0x2E, kPrefixGs = 0x65;

/// SDM Vol. 2A, section 2.1.1.
bool is_prefix(std::uint8_t byte) {
    constexpr std::uint8_t kPrefixes[] = {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3};
    return std::find(std::begin(kPrefixes), std::end(kPrefixes), byte) != std::end(kPrefixes);
}

/// The instruction with its data in GS: at most 15 bytes, since repeated prefixes go.
unsigned copy_with_gs(const Instruction& insn, std::uint8_t* into) {
    unsigned at = 0, length = 0;
    std::uint8_t repeat = 0;
    bool present[256] = {};
    for (; is_prefix(insn.bytes[at]); ++at) {
        const std::uint8_t byte = insn.bytes[at];
        present[byte] = true;
        if (byte == 0xF2 || byte == 0xF3) repeat = byte;  // the last one counts
    }
    into[length++] = kPrefixGs;
    for (const std::uint8_t byte : {0x66, 0x67, 0xF0})
        if (present[byte]) into[length++] = byte;
    if (repeat) into[length++] = repeat;
    std::copy(insn.bytes + at, insn.bytes + insn.length, into + length);
    return length + insn.length - at;
}

/// CS as a data segment, for reading only.
SegmentRegister readable(const SegmentRegister& cs) {
    constexpr std::uint16_t kType = 15, kPresent = 0x80, kAccessed = 1;
    SegmentRegister s = cs;
    s.attributes = static_cast<std::uint16_t>((cs.attributes & ~kType) | kAccessed);
    if (!cs.is_readable()) s.attributes = static_cast<std::uint16_t>(s.attributes & ~kPresent);
    return s;
}

}  // namespace

gva Dispatcher::linear_eip() const {
    return gva(m_.cpu.segment(Seg::cs).base + m_.cpu.eip);
}

bool Dispatcher::at_breakpoint() const {
    return shadows_.state.debug.points.breaks_at(linear_eip());
}

bool Dispatcher::stop_at_breakpoint(gva address) {
    if (!shadows_.state.debug.points.breaks_at(address)) return false;
    cause_ = TrapCause::debugger;
    shadows_.state.debug.hit(StopCause::breakpoint, address.value);
    return true;
}

bool Dispatcher::single_instruction(bool report) {
    const auto insn = fetcher_.at_eip();
    if (!insn) {
        reflect_fault(insn.fault());
        return true;
    }
    const Instruction first = *insn.value();
    if (step(first)) return true;
    displace(first, report);
    return false;
}

void Dispatcher::displace(const Instruction& insn, bool for_debugger) {
    last_insn_ = insn.id;
    displaced_.active = true;
    displaced_.for_debugger = for_debugger;
    displaced_.reads_code = insn.uses_override() && insn.override_segment == Seg::cs;
    displaced_.opened_watched = false;
    displaced_.bounced = false;
    displaced_.eip = m_.cpu.eip;
    displaced_.insn = insn;
    show_displaced();
}

/// Also when the page has been lost to other mappings since.
void Dispatcher::show_displaced() {
    std::uint8_t bytes[15];
    const Instruction& insn = displaced_.insn;
    unsigned length = insn.length;
    if (displaced_.reads_code || displaced_.bounced)
        length = copy_with_gs(insn, bytes);
    else
        std::copy_n(insn.bytes, insn.length, bytes);
    const gva address = linear_eip();
    const ScratchPlace place = shadows_.pages.map_scratch(address, bytes, length, displaced_.bounced);
    displaced_.moved = place.code.value - address.value;
    displaced_.bounce = place.bounce;
}

void Dispatcher::end_displaced() {
    displaced_.active = displaced_.bounced = false;
    shadows_.pages.unmap_scratch();
    if (displaced_.opened_watched) shadows_.pages.unmap_watched(shadows_.state.debug.points);
    if (displaced_.for_debugger) shadows_.state.debug.hit(StopCause::step);
}

/// The hardware has executed it: which memory that has touched, the instruction tells.
void Dispatcher::watch_displaced() {
    const Instruction& insn = displaced_.insn;
    const NativeOperand operand = native_operand(insn);
    if (!operand.bytes) return;
    const gva at(m_.cpu.segment(native_operand_segment(insn)).base + native_operand_offset(m_.cpu, insn));
    shadows_.state.debug.touched(at, operand.bytes, operand.write);
}

void Dispatcher::displaced_selectors(const SegmentContext& context, Entry& entry) {
    const VCpu& cpu = m_.cpu;
    SegmentContext there = context;
    there.code_shift = displaced_.moved;  // so that EIP stays the same
    if (displaced_.moved) there.user_boundary = 1ull << 32;
    const SegmentRegister& cs = cpu.segment(Seg::cs);
    const auto set = [&](Seg which, const SegmentRegister& segment, const SegmentContext& c) {
        entry.selectors.selector[static_cast<unsigned>(which)] =
            shadows_.descriptors.selector(segment, which, cpu.cpl, c);
    };
    set(Seg::cs, cs, there);
    if (displaced_.bounced)
        set(Seg::gs, bounce_segment(), SegmentContext{});  // on the host's terms: no shift, no boundary
    else if (displaced_.reads_code)
        set(Seg::gs, readable(cs), context);
}

void Dispatcher::abandon_instruction() {
    displaced_.for_debugger = false;
    if (displaced_.active) end_displaced();
}

void Dispatcher::state_replaced() {
    sensitivity_ = ~0u;
    sensitivity_changed();
    shadows_.pages.forget_all();
}

void Dispatcher::settle_shadow() {
    if (m_.cpu.eip != shadow_eip_) m_.cpu.shadow = InterruptShadow::none;
}

}  // namespace ringpress
