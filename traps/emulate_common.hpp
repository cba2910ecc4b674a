// What several emulator files share: privilege, segment arithmetic, stack frames, code-segment checks.
#pragma once

#include "traps/emulate.hpp"

namespace ringpress {

inline constexpr std::uint32_t kExternal = 1;  ///< EXT in an error code, SDM Vol. 3A, section 6.13
inline constexpr std::uint32_t kInIdt = 2;     ///< IDT in an error code

constexpr bool is_null(std::uint16_t selector) {
    return (selector & ~3u) == 0;
}
/// The error code that names a selector: index and TI, with EXT added where it applies.
constexpr std::uint32_t selector_error(std::uint16_t selector, std::uint32_t ext = 0) {
    return (selector & 0xFFFCu) | ext;
}
constexpr std::uint16_t with_rpl(std::uint16_t selector, unsigned rpl) {
    return static_cast<std::uint16_t>((selector & ~3u) | rpl);
}
constexpr std::uint32_t size_mask(unsigned width) {
    return width == 4 ? 0xFFFFFFFFu : (1u << (8 * width)) - 1u;
}

/// Sets CPL, and tells the shadows when user and supervisor change places.  Call it last: they look at the
/// CPU.
inline void set_cpl(Machine& m, unsigned cpl) {
    const bool crossed = (m.cpu.cpl == 3) != (cpl == 3);
    m.cpu.cpl = static_cast<std::uint8_t>(cpl);
    if (crossed) m.translation.privilege_changed();
}

inline bool user_mode(const Machine& m) {
    return m.cpu.cpl == 3;
}

/// True if misaligned data accesses are #AC now, SDM Vol. 3A, section 6.15, interrupt 17.
inline bool alignment_checked(const VCpu& cpu) {
    return cpu.cpl == 3 && (cpu.cr0 & cr0::AM) && (cpu.eflags & eflags::AC);
}

/// True if `width` bytes at `offset` lie inside the segment, SDM Vol. 3A, section 5.3.
inline bool within_limit(const SegmentRegister& s, std::uint32_t offset, std::uint32_t width) {
    const std::uint32_t last = offset + width - 1;
    if (last < offset) return false;
    if (!s.is_expand_down()) return last <= s.limit;
    return offset > s.limit && last <= (s.is_big() ? 0xFFFFFFFFu : 0xFFFFu);
}

// --- descriptors.cpp
/// False if the selector is null or lies outside its table (no fault); #PF only.
Result<bool> find_descriptor(Machine& m, std::uint16_t selector, Descriptor& descriptor);
/// Replaces the high word of a descriptor (Accessed, the busy bit of a TSS).
Result<void> write_descriptor_high(Machine& m, std::uint16_t selector, std::uint32_t high);
/// Sets the Accessed bit of a code or data descriptor in its table, if it is clear.
inline Result<void> mark_accessed(Machine& m, std::uint16_t selector, Descriptor& d) {
    constexpr std::uint32_t accessed = 1u << 8;
    if (d.high & accessed) return {};
    TRY(write_descriptor_high(m, selector, d.high | accessed));
    d.high |= accessed;
    return {};
}
/// A stack segment for privilege level `cpl`.  Faults with `vector` (#GP or #TS), or #SS if it is not
/// present; null gives error code ext.  Accessed is set in what is returned and in the table.
Result<SegmentRegister> check_stack(Machine& m, std::uint16_t selector, unsigned cpl, Vector vector,
                                    std::uint32_t ext);
/// The target of a far return or iret, SDM Vol. 2A, IRET: null, type, RPL >= CPL, DPL, presence.
Result<SegmentRegister> check_return_code(Machine& m, std::uint16_t selector);
/// Nulls es, ds, fs, gs that the new, outer CPL may not use, SDM Vol. 3A, section 5.8.6.
inline void drop_inner_segments(VCpu& cpu, unsigned cpl) {
    for (const Seg which : {Seg::es, Seg::ds, Seg::fs, Seg::gs}) {
        SegmentRegister& s = cpu.segment(which);
        if (s.attributes != 0 && s.dpl() < cpl && !s.is_conforming_code()) s = {};
    }
}

// --- stack_frame.cpp
/// Values to push at once; the first added is pushed first.
struct PushFrame {
    std::uint32_t value[40];
    unsigned count = 0;
    void add(std::uint32_t v) { value[count++] = v; }
};
/// Adds to ESP, or to SP alone on a 16-bit stack.
std::uint32_t moved_esp(const SegmentRegister& ss, std::uint32_t esp, std::uint32_t by);
/// Writes the frame below esp; returns the new esp, and commits no register.  All or nothing.
/// Outside the segment: #SS(ss_error).
Result<std::uint32_t> push_frame(Machine& m, const SegmentRegister& ss, std::uint32_t esp, unsigned width,
                                 const PushFrame& frame, bool user, std::uint32_t ss_error);
/// Reads `count` values of `width` bytes from the stack top upwards, `skip` bytes above ESP.
Result<void> peek_frame(Machine& m, std::uint32_t skip, unsigned width, unsigned count,
                        std::uint32_t* values);
/// The stack that the TSS holds for an inner privilege level, SDM Vol. 3A, section 7.2.1.
struct InnerStack {
    SegmentRegister ss;
    std::uint32_t esp = 0;
};
Result<InnerStack> inner_stack(Machine& m, unsigned cpl, std::uint32_t ext);

// --- task_switch.cpp
enum class TaskReason : std::uint8_t { jump, call, interrupt, iret };
/// Switches to a task of a 32-bit TSS, SDM Vol. 3A, section 7.3.  Privilege to use it is checked by the
/// caller. return_eip is stored in the old TSS.  After the point of no return, a fault belongs to the new
/// task.
Result<void> switch_task(Machine& m, std::uint16_t selector, TaskReason reason, std::uint32_t return_eip,
                         std::uint32_t ext);
/// Follows a task gate: the selector of its TSS.
inline std::uint16_t gate_selector(const Descriptor& gate) {
    return static_cast<std::uint16_t>(gate.low >> 16);
}

// --- deliver.cpp
/// One attempt at an IDT entry; on a fault nothing has changed (but see switch_task).
Result<void> enter_gate(Machine& m, const Event& event, std::uint32_t return_eip);

}  // namespace ringpress
