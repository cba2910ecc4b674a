// System calls of the guest, without the detours: int n of user code into the kernel, and iret back.
//
// Nine of ten gates on a busy guest are one of these, in their plainest form: 32-bit gate, flat segments,
// accessed descriptors, everything present and in one page.  This path knows that form alone and declines
// everything else before it has changed anything; the emulators (emulate_gates.cpp, deliver.cpp) do the same
// work with every check, and the tests hold one against the other.
//
// It is compiled for general registers only and calls nothing, so that the FPU's registers may stay the
// guest's: saving and restoring them would cost as much as all that happens here.  The test build.quick_gate
// looks after that.
//
#include <cstring>

#include "shadow/page_walk.hpp"
#include "traps/dispatch.hpp"
#include "traps/emulate_common.hpp"

namespace ringpress {

namespace {

constexpr std::uint32_t kAccessed = 1u << 8;

struct Bytes {
    std::uint8_t* at = nullptr;
    std::uint32_t dword(unsigned n) const {
        std::uint32_t v;
        std::memcpy(&v, at + 4 * n, 4);
        return v;
    }
    void put(unsigned n, std::uint32_t v) const { std::memcpy(at + 4 * n, &v, 4); }
};

/// Supervisor memory in one page of RAM, without a code view if it is for writing; null if it is anything
/// else.
inline Bytes supervisor(Machine& m, const ShadowState& s, std::uint32_t address, std::uint32_t length,
                        bool write) {
    const gva first(address);
    if (first.offset() + length > kPageSize) return {};
    const auto t = walk(m.cpu, m.memory.ram(), m.memory.size(), first, {write, false, false}, true);
    if (!t || !m.memory.is_ram(t.value().physical)) return {};
    if (write && s.frame[t.value().physical.page()].view) return {};
    return {m.memory.ram() + t.value().physical.value};
}

/// The code or data segment that a GDT selector names, if its descriptor is present and accessed.
inline bool segment_of(Machine& m, const ShadowState& s, std::uint16_t selector, SegmentRegister& into) {
    const std::uint32_t at = selector & 0xFFF8u;
    if ((selector & 4u) || at == 0 || at + 7 > m.cpu.gdtr.limit) return false;
    const Bytes bytes = supervisor(m, s, m.cpu.gdtr.base + at, 8, false);
    if (!bytes.at) return false;
    const Descriptor d{bytes.dword(0), bytes.dword(1)};
    into = make_segment(selector, d);
    return d.present() && d.is_code_or_data() && (d.high & kAccessed);
}

/// int n from CPL 3 to CPL 0 through a 32-bit gate.
inline bool enter_kernel(Machine& m, const ShadowState& s, unsigned vector, std::uint32_t return_eip) {
    VCpu& cpu = m.cpu;
    if (vector * 8 + 7 > cpu.idtr.limit) return false;
    const Bytes gate = supervisor(m, s, cpu.idtr.base + vector * 8, 8, false);
    if (!gate.at) return false;
    const std::uint32_t low = gate.dword(0), high = gate.dword(1);
    constexpr std::uint32_t kPresent32BitGateOfUsers = 0xEE00, kTrapGate = 0x0100;
    if ((high & 0xFF00u & ~kTrapGate) != kPresent32BitGateOfUsers) return false;
    SegmentRegister cs, ss;
    if (!segment_of(m, s, static_cast<std::uint16_t>(low >> 16), cs)) return false;
    if (!cs.is_code() || cs.is_conforming_code() || cs.dpl() != 0 || !cs.is_flat()) return false;
    cs.selector = with_rpl(cs.selector, 0);
    constexpr unsigned kEsp0 = 4, kBusyTss32 = 11;
    if (!cpu.tr.present() || cpu.tr.type() != kBusyTss32 || cpu.tr.limit < kEsp0 + 7) return false;
    const Bytes stack = supervisor(m, s, cpu.tr.base + kEsp0, 8, false);
    if (!stack.at || !segment_of(m, s, static_cast<std::uint16_t>(stack.dword(1)), ss)) return false;
    if (ss.rpl() != 0 || ss.dpl() != 0 || !ss.is_writable_data() || !ss.is_flat()) return false;
    if (!(cpu.eflags & eflags::IF)) return false;  // something may wait for it
    constexpr unsigned kFrame = 5 * 4;
    const std::uint32_t esp = stack.dword(0) - kFrame;
    const Bytes frame = supervisor(m, s, esp, kFrame, true);
    if (!frame.at) return false;
    frame.put(0, return_eip);
    frame.put(1, cpu.segment(Seg::cs).selector);
    frame.put(2, cpu.eflags | eflags::FIXED1);
    frame.put(3, cpu.reg(Gpr::esp));
    frame.put(4, cpu.segment(Seg::ss).selector);
    cpu.segment(Seg::ss) = ss;
    cpu.reg(Gpr::esp) = esp;
    cpu.segment(Seg::cs) = cs;
    cpu.eip = (low & 0xFFFFu) | (high & 0xFFFF0000u);
    cpu.eflags &= ~(eflags::TF | eflags::NT | eflags::RF | eflags::VM);
    if (!(high & kTrapGate)) cpu.eflags &= ~eflags::IF;
    cpu.cpl = 0;
    return true;
}

/// iret from CPL 0 to flat code at CPL 3.
/// Not to `unless_to`, if `unless`: back_at_fault() wants to know.
inline bool return_to_user(Machine& m, const ShadowState& s, bool unless, std::uint32_t unless_to) {
    VCpu& cpu = m.cpu;
    constexpr unsigned kFrame = 5 * 4;
    if (cpu.cpl != 0 || cpu.nmi_blocked || !cpu.segment(Seg::ss).is_flat() || (cpu.eflags & eflags::NT))
        return false;
    const Bytes frame = supervisor(m, s, cpu.reg(Gpr::esp), kFrame, false);
    if (!frame.at) return false;
    if (unless && frame.dword(0) == unless_to) return false;
    const std::uint32_t flags = frame.dword(2);
    if (flags & (eflags::TF | eflags::VM | eflags::AC | eflags::NT | eflags::IOPL)) return false;
    SegmentRegister cs, ss;
    if (!segment_of(m, s, static_cast<std::uint16_t>(frame.dword(1)), cs)) return false;
    if (!segment_of(m, s, static_cast<std::uint16_t>(frame.dword(4)), ss)) return false;
    if (!cs.is_code() || cs.is_conforming_code() || cs.dpl() != 3 || cs.rpl() != 3 || !cs.is_flat())
        return false;
    if (!ss.is_writable_data() || ss.dpl() != 3 || ss.rpl() != 3 || !ss.is_flat()) return false;
    cpu.eip = frame.dword(0);
    cpu.segment(Seg::cs) = cs;
    cpu.eflags = (flags & (kNativeFlags | eflags::IF | eflags::RF | eflags::ID | eflags::VIF | eflags::VIP)) |
                 eflags::FIXED1;
    cpu.reg(Gpr::esp) = frame.dword(3);
    cpu.segment(Seg::ss) = ss;
    drop_inner_segments(cpu, 3);
    cpu.cpl = 3;
    return true;
}

}  // namespace

Dispatcher::Quick Dispatcher::quick_gate(std::uint32_t number, Entry& entry) {
    VCpu& cpu = m_.cpu;
    const QuickSite& site = quick_sites_[number % kQuickSites];
    if (site.number != number || site.generation != shadows_.state.site_generation) return Quick::declined;
    if (site.user != (cpu.cpl == 3) || shadows_.state.debug.wanted() || displaced_.active)
        return Quick::declined;
    if (shadows_.state.debug.points.watchpoints || (cpu.eflags & (eflags::TF | eflags::AC)))
        return Quick::declined;
    shadows_.stubs.collect(cpu);
    if (!(site.user ? enter_kernel(m_, shadows_.state, site.vector, site.next)
                    : return_to_user(m_, shadows_.state, faulted_.pending, faulted_.eip)))
        return Quick::declined;
    if (site.set_register != QuickSite::kNoRegister) cpu.gpr[site.set_register] = site.set_value;
    cpu.shadow = InterruptShadow::none;
    ++entries_;
    cause_ = TrapCause::gate;
    last_insn_ = site.user ? InsnId::int_n : InsnId::iret;
    ++statistics_.traps[static_cast<unsigned>(TrapCause::gate)];
    ++statistics_.emulated[static_cast<unsigned>(last_insn_)];
    return quick_entry(entry) ? Quick::done : Quick::emulated;
}

/// Where the tail for this address of flat user code is mapped; 0 if none is.
inline std::uint32_t Dispatcher::quick_tail(gva address) const {
    const QuickTail& tail = quick_tails_[tail_index(address)];
    if (tail.address != address.value || tail.generation != shadows_.state.site_generation) return 0;
    const MappedPage& pads = shadows_.pages.code_page(gva(tail.at));
    const bool mapped = pads.present() && (pads.bits & MappedPage::kPad) && pads.target() == tail.pads;
    return mapped && shadows_.pages.code_page(address).target() == tail.slot ? tail.at : 0;
}

/// settle() and entry() for a CPU that has nothing to settle; false if it may have.
bool Dispatcher::quick_entry(Entry& entry) {
    const VCpu& cpu = m_.cpu;
    Stubs& stubs = shadows_.stubs;
    ShadowPages& pages = shadows_.pages;
    const bool user = cpu.cpl == 3;
    if (segments_loaded_ || !pages.stubs_placed() || shadows_.state.code_is_16_bit || cpu.nmi_pending)
        return false;
    if (returned_here()) return false;
    // Into the kernel: what waits for IF would not have waited in user mode, where it is set.
    if (user && cpu.interrupts_enabled() && !stubs.nothing_pending()) return false;
    const gva address(cpu.segment(Seg::cs).base + cpu.eip);
    if (inside_site(address)) {
        entry.eip = user ? quick_tail(address) : 0;
        if (!entry.eip) return false;
    }
    SegmentContext context;
    context.data_shift = pages.data_shift();
    if (user) {
        if (!pages.user_entered() || address.value >= pages.user_boundary() || policy_.user_code_direct)
            return false;
        context.user_boundary = pages.user_boundary();
        context.wide_code = wide_code();
    } else {
        context.kernel_floor = pages.kernel_floor();
    }
    const HostSelectors* const selectors = shadows_.descriptors.known_selectors(cpu, context);
    if (!selectors) return false;
    entry.eflags = (cpu.eflags & kNativeFlags) | eflags::FIXED1 | eflags::IF;
    entry.selectors = *selectors;
    if (user) return true;
    const gva null_descriptor = pages.stub_data() + offsetof(StubState, null_descriptor);
    if (!stubs.selectors_settled(cpu, shadows_.descriptors, context, null_descriptor)) return false;
    stubs.publish(cpu, entry.eflags, entry.selectors, false);
    return true;
}

}  // namespace ringpress
