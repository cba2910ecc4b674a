// From a host trap to its effect on the guest: the one place both engines call.
//
// Follow a trap: handle() looks at the host's vector; breakpoints (handle_breakpoint.cpp) prove code or
// emulate what was patched; page faults (handle_page_fault.cpp) are hidden or true; protection faults
// (handle_protection.cpp) are privileged instructions or clipped segments; everything else is the guest's own
// and is reflected.  Then settle() injects what is pending, and the engine resumes the guest.
#pragma once

#include <optional>

#include "shadow/code_view.hpp"
#include "shadow/shadow_descriptors.hpp"
#include "shadow/shadow_pages.hpp"
#include "shadow/stubs.hpp"
#include "traps/emulate.hpp"
#include "traps/fetch.hpp"
#include "traps/host_trap.hpp"
#include "traps/native_operand.hpp"
#include "traps/policy.hpp"
#include "traps/prove.hpp"
#include "traps/site_tail.hpp"
#include "traps/statistics.hpp"
#include "traps/stub_writer.hpp"

namespace ringpress {

/// EFLAGS bits that the guest changes natively; the others are the virtual CPU's.
inline constexpr std::uint32_t kNativeFlags = eflags::kArithmetic | eflags::DF;

/// Clears EFLAGS.AC of the host if guest code ran with it: signal handlers and gates inherit it, and
/// compilers take misaligned loads for granted.  Before emulation changes the privilege.
void stop_alignment_checks(const VCpu& cpu);

/// The host state to resume the guest with.
struct Entry {
    HostSelectors selectors;
    std::uint32_t eflags = 0;  ///< as the hardware shall see them
    std::uint32_t eip = 0;     ///< where a copy of the code at the guest's EIP is executed; 0: there itself
};

struct Shadows {
    ShadowState& state;
    ShadowPages& pages;
    CodeViews& views;
    ShadowDescriptors& descriptors;
    Stubs& stubs;
};

/// Vectors that the guest was given since forget_delivered(): the last of each kind.
struct Delivered {
    static constexpr std::uint8_t kNone = 0xFF;
    std::uint8_t reflected = kNone;  ///< an exception of its own
    std::uint8_t injected = kNone;   ///< an external interrupt
};

class Dispatcher : public TranslationControl {
  public:
    Dispatcher(VCpu& cpu, GuestMemory& memory, DeviceBus& bus, TimeSource& time, const CpuModel& model,
               Shadows shadows, Decoder& decoder, const Policy& policy, Statistics& statistics);

    /// A trap of guest code.  The virtual CPU holds the registers at the trap; EIP as the hardware left it.
    void handle(const HostTrap& trap);
    /// A gate site was jumped through; registers as at the site, EIP is found out here.
    void handle_gate(std::uint32_t site);
    /// The same for the common forms of int and iret, in quick_gate.cpp, which uses no FPU register.
    enum class Quick : std::uint8_t {
        declined,  ///< nothing has happened: it is handle_gate()'s
        emulated,  ///< settle() and entry() are to follow
        done,      ///< `entry` is what to resume with
    };
    Quick quick_gate(std::uint32_t site, Entry& entry);
    /// Time has passed or input has come: brings the devices up to date.
    void handle_interrupt();

    /// Delivers pending interrupts if the guest takes them, and makes sure that EIP can be resumed at.
    /// After it the virtual CPU runs, is halted, or has shut down: see cpu.activity.
    void settle();
    /// What the hardware must hold to resume.  Only after settle(), with Activity::running.
    Entry entry();

    // For a debugger, while the guest is stopped.  debug_step.cpp.
    /// Executes one instruction, or one iteration of a repeated one, and nothing else: no burst behind it, no
    /// interrupt before it.  False: the hardware must do it when the guest is resumed; the end of that is
    /// told by DebugWatch::hit() if `report`.
    bool single_instruction(bool report);
    /// Gives up what single_instruction() left to the hardware: the guest stops before it.
    void abandon_instruction();
    /// True if a breakpoint is at EIP.
    bool at_breakpoint() const;
    void set_points(const DebugPoints& points) { shadows_.pages.set_points(points); }
    /// RAM, or more than general registers, has been changed from outside.
    void state_replaced();
    /// Before others look at RAM.
    void send_frames_home() { shadows_.pages.send_frames_home(); }
    /// What the virtual CPU does not hold of an interrupt shadow is put into it, or taken out again.
    void settle_shadow();
    void adopt_shadow() { shadow_eip_ = m_.cpu.eip; }

    TrapCause last_cause() const { return cause_; }
    InsnId last_instruction() const { return last_insn_; }
    const Delivered& delivered() const { return delivered_; }
    void forget_delivered() { delivered_ = {}; }

    // TranslationControl
    void address_space_changed() override { shadows_.pages.flush_changed(); }
    void paging_mode_changed() override { shadows_.pages.flush_all(); }
    void page_invalidated(gva address) override { shadows_.pages.invalidate(address); }
    void sensitivity_changed() override;
    void privilege_changed() override {}

  private:
    void handle_breakpoint();
    void handle_page_fault(std::uint32_t error, std::uint32_t address);
    void handle_fetch_fault(gva address);
    void handle_data_fault(Access access, gva address);
    void map_ahead(gva address, Access access);
    void handle_protection(std::uint8_t vector, std::uint32_t error);
    void handle_single_step();

    /// Emulates or interprets the instruction at EIP, then carries on through a burst.
    void emulate_at_eip(TrapCause cause);
    bool step(const Instruction& insn);
    void burst(unsigned budget);
    void finish_repetition();
    bool must_settle() const;
    /// handle_gate.cpp: a trap at a site that may get a gate; a byte behind a site's jump that was executed.
    void warm(std::uint32_t physical, gva address, unsigned slot, const Instruction& insn);
    bool make_site(gva site, unsigned slot, std::uint32_t physical);
    unsigned site_start(gva address, std::uint32_t physical, unsigned slot, const Instruction& insn);
    void give_up_site(gva address);
    bool entered_site(gva address);
    bool inside_site(gva address) const {
        const MappedPage& mapped = shadows_.pages.code_page(address);
        return mapped.present() && !(mapped.bits & MappedPage::kPad) &&
               shadows_.views.covered(mapped.target(), address.offset());
    }
    void leave_site(gva address);
    /// handle_tail.cpp
    bool compose_tail(gva page, unsigned slot, const GateSite& site, unsigned from, unsigned at,
                      SiteTail& into);
    void remember_tail(gva address);
    void leave_tail();
    /// handle_stub.cpp
    bool stubs_work() const;
    bool compose_stub(gva site, const ShadowPages::StubPlace& place, Stub& into);
    void make_stub(gva site, unsigned slot);
    void leave_stub();
    bool stub_pays(gva address, const Instruction& insn);
    bool at_site(gva address) const;
    void publish_to_stubs(const SegmentContext& context, const Entry& entry);
    void remember_selector(Seg which);
    void reflect_fault(const Fault& fault);
    void count_reflected(unsigned vector);
    void raise_single_step();
    /// Runs the instruction at EIP in software because a native attempt cannot work; explains what it was
    /// for.
    void interpret_at_eip(TrapCause cause);
    [[noreturn]] void stuck(const Instruction& insn);
    /// debug_step.cpp: one instruction by the hardware, from a view of its own.
    void displace(const Instruction& insn, bool for_debugger);
    void show_displaced();
    void end_displaced();
    void watch_displaced();
    void displaced_selectors(const SegmentContext& context, Entry& entry);
    /// bounce_operand.cpp: the displaced instruction gets a page of its own in place of its memory operand.
    /// False if it has none.
    bool bounce(const Instruction& insn);
    void finish_bounce();
    std::uint8_t* bounced_operand();
    SegmentRegister bounce_segment() const;
    bool stop_at_breakpoint(gva address);
    gva linear_eip() const;
    bool resumable();
    std::optional<Translation> executable(gva address);
    int view_of(gva address, const Translation& t);

    Machine m_;
    Shadows shadows_;
    const Policy& policy_;
    Statistics& statistics_;
    Fetcher fetcher_;
    Prover prover_;
    TrapCause cause_ = TrapCause::reflected;
    InsnId last_insn_ = InsnId::undefined;
    Delivered delivered_;
    std::uint32_t sensitivity_ = ~0u;  ///< unlike any: the first change always drops views
    bool repeating_ = false;        ///< the last step was one iteration of a string instruction that has more
    bool trapped_user_ = false;     ///< the trap at hand came from CPL 3
    std::uint32_t shadow_eip_ = 0;  ///< where an interrupt shadow holds
    static constexpr unsigned kHeatEntries = 8192;
    static constexpr std::uint8_t kNeverHot = 255;
    std::uint8_t heat_[kHeatEntries] = {};  ///< traps of sensitive sites, by physical address
    std::uint8_t& heat(std::uint32_t physical) { return heat_[(physical ^ physical >> 13) % kHeatEntries]; }
    /// The instruction that the hardware steps over, see displace().
    struct {
        bool active = false;
        bool for_debugger = false;    ///< when it is over, the debugger is told
        bool reads_code = false;      ///< its data lies in CS: the copy names GS instead
        bool opened_watched = false;  ///< pages with watchpoints are mapped for it
        std::uint32_t eip = 0;
        std::uint32_t moved = 0;  ///< added to its linear address on the host
        Instruction insn;
        bool bounced = false;  ///< the rest holds; see bounce()
        NativeOperand operand;
        gva operand_at, bounce;            ///< where it lies, and the host-linear page in its place
        std::uint32_t operand_offset = 0;  ///< in its segment
        std::uint8_t before[kMostOperandBytes] = {};
    } displaced_;
    std::uint8_t segments_loaded_ = 0;  ///< in software at CPL 0, since entry(): bit n is Seg n
    std::uint32_t entries_ = 0;         ///< traps and gates since the last asynchronous interrupt
    bool computing_ = false;            ///< the program at hand hardly ever enters the monitor
    /// AMD's processors lose about a cycle at every taken branch while CS has a limit below 4 GiB, up to 1.7
    /// times the run time.  A program that computes, entering the monitor less than `calm` times from one
    /// interrupt to the next, therefore runs without one.  The price: should it jump into the guest's kernel,
    /// it gets to execute what has been proven there, up to the next instruction that is sensitive or touches
    /// the kernel's data (those segments stay clipped) or the next interrupt; only then comes the page fault.
    bool wide_code() {
        if (entries_ >= policy_.tuning.calm) computing_ = false;
        return computing_;
    }
    bool quick_entry(Entry& entry);
    /// A page fault of the guest's.
    struct Faulted {
        bool pending = false, write = false, user = false, fetch = false;
        bool present = false;  ///< a protection violation
        std::uint32_t eip = 0, address = 0, cr3 = 0;
    };
    Faulted faulted_;   ///< the last that was reflected, until its instruction is returned to
    Faulted returned_;  ///< the last that was returned from, until its privilege runs natively
    /// A run of hidden faults of user data: the page that would continue it, and the pages that were mapped
    /// ahead the last time.
    struct {
        std::uint32_t next = 0, window = 0;
    } ahead_;
    /// handle_return.cpp
    bool back_at_fault();
    void map_returned();
    bool returned_here() const { return returned_.pending && returned_.user == (m_.cpu.cpl == 3); }
    /// Sites of int n and iret that were emulated here before.
    struct QuickSite {
        std::uint32_t number = ~0u, generation = 0;
        std::uint32_t next = 0;       ///< EIP behind the instruction
        std::uint32_t set_value = 0;  ///< what a move before it puts into set_register
        std::uint8_t vector = 0;      ///< of int n
        std::uint8_t set_register = kNoRegister;
        bool user = false;  ///< int n at CPL 3, or else iret
        static constexpr std::uint8_t kNoRegister = 0xFF;
    };
    static constexpr unsigned kQuickSites = 64;
    QuickSite quick_sites_[kQuickSites] = {};
    void remember_quick(std::uint32_t site, const Instruction& insn, std::uint32_t eip);
    /// Tails that user code has been found to return to.
    struct QuickTail {
        std::uint32_t address = ~0u, generation = 0;
        std::uint32_t slot = 0, pads = 0;  ///< of the view, and of its pads
        std::uint32_t at = 0;              ///< the copy's linear address
    };
    static constexpr unsigned kQuickTails = 64;
    QuickTail quick_tails_[kQuickTails] = {};
    static unsigned tail_index(gva address) {
        return (address.value ^ address.value >> 6 ^ address.value >> 12) % kQuickTails;
    }
    std::uint32_t quick_tail(gva address) const;
};

}  // namespace ringpress
