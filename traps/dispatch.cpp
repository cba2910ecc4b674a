#include "traps/dispatch.hpp"

#include "shadow/check.hpp"
#include "traps/emulate_common.hpp"
#include "traps/fpu_access.hpp"

namespace ringpress {

void stop_alignment_checks(const VCpu& cpu) {
    if (alignment_checked(cpu))
        __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() & ~std::uint64_t{eflags::AC});
}

Dispatcher::Dispatcher(VCpu& cpu, GuestMemory& memory, DeviceBus& bus, TimeSource& time,
                       const CpuModel& model, Shadows shadows, Decoder& decoder, const Policy& policy,
                       Statistics& statistics)
    : m_{cpu, memory, bus, *this, time, model},
      shadows_(shadows),
      policy_(policy),
      statistics_(statistics),
      fetcher_(cpu, memory, decoder),
      prover_(cpu, memory, shadows.pages, shadows.views, decoder, policy, statistics) {}

void Dispatcher::handle(const HostTrap& trap) {
    stop_alignment_checks(m_.cpu);
    leave_tail();
    leave_stub();
    ++entries_;
    last_insn_ = InsnId::undefined;
    trapped_user_ = m_.cpu.cpl == 3;
    switch (trap.vector) {
        case static_cast<std::uint8_t>(Vector::BP): handle_breakpoint(); break;
        case static_cast<std::uint8_t>(Vector::PF): handle_page_fault(trap.error, trap.address); break;
        case static_cast<std::uint8_t>(Vector::GP):
        case static_cast<std::uint8_t>(Vector::SS):
        case static_cast<std::uint8_t>(Vector::NP): handle_protection(trap.vector, trap.error); break;
        case static_cast<std::uint8_t>(Vector::DB): handle_single_step(); break;
        case kHostSystemCall:
            m_.cpu.eip -= 2;  // CD 80
            emulate_at_eip(TrapCause::privileged);
            break;
        default:
            cause_ = TrapCause::reflected;
            if (trap.vector == static_cast<std::uint8_t>(Vector::OF)) {
                deliver(m_, {Vector::OF, EventKind::trap, false, 0});
                count_reflected(trap.vector);
            } else {
                reflect_fault({static_cast<Vector>(trap.vector), trap.error, 0});
            }
    }
    if (displaced_.active && m_.cpu.eip != displaced_.eip) end_displaced();  // a fault, or done in software
    ++statistics_.traps[static_cast<unsigned>(cause_)];
}

void Dispatcher::handle_interrupt() {
    stop_alignment_checks(m_.cpu);
    leave_tail();
    leave_stub();
    cause_ = TrapCause::interrupt;
    ++statistics_.traps[static_cast<unsigned>(cause_)];
    m_.bus.advance(m_.time.now());
    computing_ = m_.cpu.cpl == 3 && entries_ < policy_.tuning.calm;
    entries_ = 0;
}

void Dispatcher::count_reflected(unsigned vector) {
    ++statistics_.reflected[vector & 31u];
    delivered_.reflected = static_cast<std::uint8_t>(vector);
}

void Dispatcher::reflect_fault(const Fault& fault) {
    if (fault.vector == Vector::PF)
        // Where nobody tells fetches from reads (no NX), its own first byte was to be fetched.
        faulted_ = {true,
                    static_cast<bool>(fault.error & pf_error::W),
                    m_.cpu.cpl == 3,
                    fault.address == m_.cpu.segment(Seg::cs).base + m_.cpu.eip,
                    static_cast<bool>(fault.error & pf_error::P),
                    m_.cpu.eip,
                    fault.address,
                    m_.cpu.cr3};
    count_reflected(static_cast<unsigned>(fault.vector));
    reflect(m_, fault);
}

void Dispatcher::raise_single_step() {
    constexpr std::uint32_t kDr6SingleStep = 1u << 14;  // BS, SDM Vol. 3B, section 17.2.3
    m_.cpu.dr[6] |= kDr6SingleStep;
    count_reflected(static_cast<unsigned>(Vector::DB));
    deliver(m_, {Vector::DB, EventKind::trap, false, 0});
}

void Dispatcher::handle_single_step() {
    cause_ = TrapCause::reflected;
    if (displaced_.active) {
        watch_displaced();
        // Its copy may be longer or shorter; and no branch is left to the processor.
        m_.cpu.eip = displaced_.eip + displaced_.insn.length;
        if (displaced_.bounced) finish_bounce();
        end_displaced();
        m_.cpu.shadow = InterruptShadow::none;
        cause_ = TrapCause::debugger;
        if (!(m_.cpu.eflags & eflags::TF)) return;
    }
    raise_single_step();
}

void Dispatcher::sensitivity_changed() {
    // Bits that decide what may run natively; see may_run_natively().  Those of CR0 lie below bit 8.
    const std::uint32_t now = (m_.cpu.cr0 & kFpuBitsOfCr0) | (m_.cpu.cr4 & (kFpuBitsOfCr4 | cr4::TSD)) << 8 |
                              (m_.cpu.msr.tsc_offset ? 1u << 31 : 0u);
    if (now != sensitivity_) shadows_.pages.drop_fpu_views();
    sensitivity_ = now;
}

// --- one instruction in software

bool Dispatcher::step(const Instruction& insn) {
    VCpu& cpu = m_.cpu;
    last_insn_ = insn.id;
    repeating_ = false;
    if (insn.id == InsnId::undefined) {
        reflect_fault(insn.too_long ? Fault::gp(0) : Fault::ud());
        return true;
    }
    const bool single_step =
        (cpu.eflags & eflags::TF) && !(insn.sensitive() && info(insn.id).family == InsnFamily::gates);
    const InterruptShadow shadow = cpu.shadow;
    cpu.shadow = InterruptShadow::none;  // it was for this instruction, or for one that has run natively
    Emulated result = Next::advance;
    if (insn.sensitive()) {
        ++statistics_.emulated[static_cast<unsigned>(insn.id)];
        const InsnFamily family = info(insn.id).family;
        if (family == InsnFamily::io) m_.bus.advance(m_.time.now());
        result = emulate(m_, insn);
        if (family == InsnFamily::segments && cpu.cpl == 0) {
            if (insn.id == InsnId::mov_to_seg)
                segments_loaded_ |= static_cast<std::uint8_t>(1u << insn.reg_field());
            if (insn.id == InsnId::pop_seg)
                segments_loaded_ |=
                    static_cast<std::uint8_t>(1u << static_cast<unsigned>(insn.named_segment()));
        }
    } else {
        const Result<void> usable = check_fpu(insn.fpu, cpu);
        if (!usable) {
            reflect_fault(usable.fault());
            return true;
        }
        const Interpreted interpreted = interpret(m_, insn);
        if (!interpreted.handled) {
            cpu.shadow = shadow;
            return false;
        }
        result = interpreted.result;
    }
    if (!result) {
        shadows_.state.debug.forget_touch();
        reflect_fault(result.fault());
        return true;
    }
    if (result.value() == Next::advance) cpu.eip += insn.length;
    if (cpu.shadow != InterruptShadow::none) shadow_eip_ = cpu.eip;
    repeating_ = result.value() == Next::repeat && !single_step;
    // Behind mov ss and pop ss the trap waits for the next instruction, SDM Vol. 3A, section 6.8.3; entry()
    // has the hardware step over it.
    if (single_step && cpu.shadow != InterruptShadow::mov_ss) raise_single_step();
    return true;
}

void Dispatcher::emulate_at_eip(TrapCause cause) {
    cause_ = cause;
    const auto insn = fetcher_.at_eip();
    if (!insn) {
        reflect_fault(insn.fault());
        return;
    }
    if (!step(*insn.value())) {
        displace(*insn.value(), false);
        return;
    }
    const InsnId first = last_insn_;
    burst(policy_.tuning.burst);
    last_insn_ = first;
}

void Dispatcher::interpret_at_eip(TrapCause cause) {
    cause_ = cause;
    const auto insn = fetcher_.at_eip();
    if (!insn) {
        reflect_fault(insn.fault());
        return;
    }
    if (!displaced_.active && stop_at_breakpoint(linear_eip())) return;  // where no view can be mapped
    if (!step(*insn.value())) {
        if (!displaced_.active)
            displace(*insn.value(), false);
        else if (!bounce(*insn.value()))  // its operand cannot be mapped
            stuck(*insn.value());
        return;
    }
    const InsnId first = last_insn_;
    finish_repetition();
    // Where one access needed software, the next ones mostly do.
    burst(policy_.tuning.burst);
    last_insn_ = first;
}

/// True if what is pending must not wait for more instructions in software.
bool Dispatcher::must_settle() const {
    const VCpu& cpu = m_.cpu;
    if (cpu.activity != Activity::running || (cpu.eflags & eflags::TF)) return true;
    if (shadows_.state.debug.wanted() || displaced_.active) return true;
    return cpu.interrupts_enabled() && cpu.shadow == InterruptShadow::none && m_.bus.interrupt_pending();
}

/// A string instruction whose iterations would each trap: carries on with it, within reason.
void Dispatcher::finish_repetition() {
    constexpr unsigned kMostIterations = 1024;  // signals are blocked meanwhile
    for (unsigned n = 0; repeating_ && n < kMostIterations && !must_settle(); ++n) {
        // Fetched anew each time: it may have overwritten itself.
        const auto insn = fetcher_.at_eip();
        if (!insn || !step(*insn.value())) return;
    }
}

void Dispatcher::burst(const unsigned innocuous) {
    VCpu& cpu = m_.cpu;
    unsigned budget = innocuous;
    // A guest that polls a device would stay here for good, with signals blocked.
    constexpr unsigned kLongestBurst = 2000;
    for (unsigned total = 0; budget && total < kLongestBurst; ++total) {
        if (must_settle()) return;
        const auto insn = fetcher_.at_eip();
        if (!insn || insn.value()->id == InsnId::undefined) return;  // found again, natively
        if (at_breakpoint()) return;                                 // the same
        const Instruction& next = *insn.value();
        const gva address(cpu.segment(Seg::cs).base + cpu.eip);
        if (policy_.leaves_open(next.id, address.value)) return;  // software would close the hole
        if (cpu.cpl == 0 && stub_pays(address, next)) return;
        if (may_run_natively(next, cpu, policy_, address) == Native::yes)
            --budget;
        else
            budget = innocuous;
        if (!step(next)) return;
        ++statistics_.burst_instructions;
    }
}

/// An instruction that can run neither natively nor in software: say so instead of looping.
void Dispatcher::stuck(const Instruction& insn) {
    last_insn_ = insn.id;
    report_bug("an instruction can run neither natively nor in software", __FILE__, __LINE__);
}

// --- back to the guest

void Dispatcher::settle() {
    VCpu& cpu = m_.cpu;
    for (;;) {
        if (cpu.activity == Activity::shutdown) return;
        const bool blocked = cpu.shadow != InterruptShadow::none && cpu.eip == shadow_eip_;
        if (!blocked) cpu.shadow = InterruptShadow::none;
        // A debugger that steps wants to see this instruction, not the interrupt's handler; and what was
        // read from a device must not be read again.
        const bool uninterrupted = displaced_.active && (displaced_.for_debugger || displaced_.bounced);
        const bool nmi = cpu.nmi_pending && !cpu.nmi_blocked;
        if (!uninterrupted && (nmi || (cpu.interrupts_enabled() && m_.bus.interrupt_pending()))) {
            if (blocked) {
                // One more instruction first, SDM Vol. 3A, section 6.8.3: in software, so that we get to see
                // its end.
                const auto insn = fetcher_.at_eip();
                if (!insn) {
                    reflect_fault(insn.fault());
                } else if (at_breakpoint()) {
                    if (resumable()) break;
                } else if (!step(*insn.value())) {
                    displace(*insn.value(), false);
                    if (resumable()) break;
                }
                continue;
            }
            const int vector =
                nmi ? static_cast<int>(Vector::NMI) : m_.bus.acknowledge_interrupt();  // NMI first, table 6-2
            if (vector < 0) break;
            if (nmi) {
                cpu.nmi_pending = 0;
                cpu.nmi_blocked = 1;
            }
            cpu.activity = Activity::running;
            ++statistics_.interrupts;
            delivered_.injected = static_cast<std::uint8_t>(vector);
            deliver(m_, {static_cast<Vector>(vector), EventKind::external_interrupt, false, 0});
            if (displaced_.active) end_displaced();  // it begins anew when the handler has returned
            continue;
        }
        if (cpu.activity == Activity::halted) return;
        if (resumable()) break;
    }
}

/// The hardware refuses to resume beyond a code segment's limit.  Beyond the guest's own that is #GP; beyond
/// the limit that fences user code off, it is whatever fetching from there is.
bool Dispatcher::resumable() {
    VCpu& cpu = m_.cpu;
    const SegmentRegister& cs = cpu.segment(Seg::cs);
    shadows_.pages.set_code_size(!cs.is_big());
    if (returned_here()) map_returned();
    if (cpu.cpl == 3) shadows_.pages.enter_user();
    if (cpu.eip > cs.limit) {
        reflect_fault(Fault::gp(0));
        return false;
    }
    const gva address(cs.base + cpu.eip);
    // A single step ends with the guest's instruction, not with the jump to its stub.
    if (inside_site(address) || ((cpu.eflags & eflags::TF) && at_site(address))) {
        leave_site(address);
        return false;
    }
    if (cpu.cpl != 3) return true;
    if (address.value < shadows_.pages.user_boundary() && cs.base < shadows_.pages.user_boundary())
        return true;
    handle_fetch_fault(address);
    return false;
}

Entry Dispatcher::entry() {
    shadows_.pages.finish_calls();
    const VCpu& cpu = m_.cpu;
    const bool user = cpu.cpl == 3;
    SegmentContext context;
    context.data_shift = shadows_.pages.data_shift();
    if (user && policy_.user_code_direct) context.code_shift = context.data_shift;
    context.user_boundary = user ? shadows_.pages.user_boundary() : 1ull << 32;
    context.kernel_floor = user ? 0 : shadows_.pages.kernel_floor();
    context.wide_code = user && wide_code();
    Entry e;
    e.selectors = shadows_.descriptors.selectors(cpu, context);
    if (displaced_.active) displaced_selectors(context, e);
    e.eflags = (cpu.eflags & kNativeFlags) | eflags::FIXED1 | eflags::IF;
    if (displaced_.active || (cpu.eflags & eflags::TF)) e.eflags |= eflags::TF;
    if (alignment_checked(cpu)) e.eflags |= eflags::AC;
    if (shadows_.pages.stubs_placed()) publish_to_stubs(context, e);
    return e;
}

}  // namespace ringpress
