// Hardware task switches between 32-bit TSSs.  SDM Vol. 3A, section 7.3.
// A 16-bit TSS is refused with #TS: no 32-bit operating system switches to one.
#include <cstddef>

#include "traps/emulate_common.hpp"

namespace ringpress {

namespace {

/// SDM Vol. 3A, figure 7-2.  Selectors occupy the low half of their words.
struct Tss32 {
    std::uint32_t link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags;
    std::uint32_t gpr[8];
    std::uint32_t seg[6];  // es cs ss ds fs gs, as in Seg
    std::uint32_t ldt, trap_and_map;
};
static_assert(sizeof(Tss32) == 104 && offsetof(Tss32, gpr) == 0x28 && offsetof(Tss32, ldt) == 0x60);

constexpr unsigned kAvailable = 9, kBusy = 11;
constexpr std::uint32_t kBusyBit = 1u << 9;

Result<void> write_word(Machine& m, std::uint32_t at, std::uint32_t value, unsigned width = 4) {
    return m.memory.write(gva(at), width, value, Access::store(false));
}

/// Both ends of a TSS can be written, so that saving it cannot fail half-way (it may straddle two pages).
Result<void> probe_tss(Machine& m, std::uint32_t base) {
    TRY(m.memory.translate(gva(base), Access::store(false)));
    TRY(m.memory.translate(gva(base + sizeof(Tss32) - 1), Access::store(false)));
    return {};
}

/// The dynamic fields; CR3, LDT and the inner stacks are only ever read by the processor.
Result<void> save_task(Machine& m, std::uint32_t return_eip, TaskReason reason) {
    const VCpu& cpu = m.cpu;
    const std::uint32_t base = cpu.tr.base;
    const std::uint32_t flags = reason == TaskReason::iret ? cpu.eflags & ~eflags::NT : cpu.eflags;
    TRY(write_word(m, base + offsetof(Tss32, eip), return_eip));
    TRY(write_word(m, base + offsetof(Tss32, eflags), flags));
    for (unsigned i = 0; i < 8; ++i) TRY(write_word(m, base + offsetof(Tss32, gpr) + 4 * i, cpu.gpr[i]));
    for (unsigned i = 0; i < 6; ++i)
        TRY(write_word(m, base + offsetof(Tss32, seg) + 4 * i, cpu.seg[i].selector, 2));
    return {};
}

Result<SegmentRegister> new_ldt(Machine& m, std::uint16_t selector, std::uint32_t ext) {
    if (is_null(selector)) return SegmentRegister{selector, 0, 0, 0};
    const Fault bad = Fault::ts(selector_error(selector, ext));
    Descriptor d;
    if ((selector & 4u) || !TRY(find_descriptor(m, selector, d))) return bad;
    if (d.is_code_or_data() || d.type() != 2 || !d.present()) return bad;
    return make_segment(selector, d);
}

Result<SegmentRegister> new_code(Machine& m, std::uint16_t selector, std::uint32_t ext) {
    const Fault bad = Fault::ts(selector_error(selector, ext));
    Descriptor d;
    if (!TRY(find_descriptor(m, selector, d))) return bad;
    const SegmentRegister s = make_segment(selector, d);
    if (!s.is_code() || (s.is_conforming_code() ? s.dpl() > s.rpl() : s.dpl() != s.rpl())) return bad;
    if (!s.present()) return Fault::np(selector_error(selector, ext));
    TRY(mark_accessed(m, selector, d));
    return make_segment(selector, d);
}

/// Loads what the new TSS holds.  Faults here are the new task's.
Result<void> load_task_state(Machine& m, const Tss32& tss, std::uint32_t ext) {
    VCpu& cpu = m.cpu;
    const auto selector = [&](Seg s) {
        return static_cast<std::uint16_t>(tss.seg[static_cast<unsigned>(s)]);
    };
    // Until its descriptor is loaded a register holds a selector that cannot be used.
    for (unsigned i = 0; i < 6; ++i) cpu.seg[i] = {static_cast<std::uint16_t>(tss.seg[i]), 0, 0, 0};
    cpu.ldtr = TRY(new_ldt(m, static_cast<std::uint16_t>(tss.ldt), ext));

    const SegmentRegister cs = TRY(new_code(m, selector(Seg::cs), ext));
    cpu.segment(Seg::cs) = cs;
    set_cpl(m, cs.rpl());
    cpu.segment(Seg::ss) = TRY(check_stack(m, selector(Seg::ss), cs.rpl(), Vector::TS, ext));
    for (Seg s : {Seg::es, Seg::ds, Seg::fs, Seg::gs}) {
        const Result<void> loaded = load_segment(m, s, selector(s));
        if (loaded) continue;
        Fault fault = loaded.fault();
        if (fault.vector == Vector::GP) fault.vector = Vector::TS;
        if (fault.vector != Vector::PF) fault.error |= ext;
        return fault;
    }
    if (!within_limit(cs, tss.eip, 1)) return Fault::gp(ext);
    if (tss.eflags & eflags::VM) return Fault::gp(ext);  // no virtual-8086 mode
    return {};
}

}  // namespace

Result<void> switch_task(Machine& m, std::uint16_t selector, TaskReason reason, std::uint32_t return_eip,
                         std::uint32_t ext) {
    VCpu& cpu = m.cpu;
    const bool nests = reason == TaskReason::call || reason == TaskReason::interrupt;
    const Vector on_error = reason == TaskReason::iret ? Vector::TS : Vector::GP;
    const std::uint32_t error = selector_error(selector, ext);

    Descriptor d;
    const bool found = !(selector & 4u) && TRY(find_descriptor(m, selector, d));
    const bool right_type =
        found && !d.is_code_or_data() && d.type() == (reason == TaskReason::iret ? kBusy : kAvailable);
    if (!right_type) {
        const bool narrow = found && !d.is_code_or_data() && (d.type() == 1 || d.type() == 3);
        return Fault{narrow ? Vector::TS : on_error, error, 0};
    }
    if (!d.present()) return Fault::np(error);
    if (d.limit() < sizeof(Tss32) - 1) return Fault::ts(error);
    if (!cpu.tr.present() || (cpu.tr.type() & ~2u) != kAvailable)
        return Fault::ts(selector_error(cpu.tr.selector, ext));

    Tss32 tss;
    TRY(m.memory.read_bytes(gva(d.base()), &tss, sizeof tss, Access::read(false)));
    TRY(probe_tss(m, cpu.tr.base));
    if (nests) TRY(probe_tss(m, d.base()));

    TRY(save_task(m, return_eip, reason));
    if (!nests) {
        Descriptor old;
        if (TRY(find_descriptor(m, cpu.tr.selector, old)))
            TRY(write_descriptor_high(m, cpu.tr.selector, old.high & ~kBusyBit));
    }
    if (nests) {
        TRY(write_word(m, d.base() + offsetof(Tss32, link), cpu.tr.selector, 2));
        tss.eflags |= eflags::NT;
    }
    // A task that jumps to itself over a gate has its busy bit cleared just now: read it again.
    TRY(find_descriptor(m, selector, d));
    if (reason != TaskReason::iret) {
        d.high |= kBusyBit;
        TRY(write_descriptor_high(m, selector, d.high));
    }

    // From here on it is the new task that runs.
    cpu.tr = make_segment(selector, d);
    cpu.cr0 |= cr0::TS;
    for (unsigned i = 0; i < 8; ++i) cpu.gpr[i] = tss.gpr[i];
    cpu.eip = tss.eip;
    cpu.eflags = (tss.eflags & ~eflags::VM) | eflags::FIXED1;
    cpu.shadow = InterruptShadow::none;
    if (cpu.paging()) {
        cpu.cr3 = tss.cr3;
        m.translation.address_space_changed();
    }
    m.translation.sensitivity_changed();
    return load_task_state(m, tss, ext);
}

}  // namespace ringpress
