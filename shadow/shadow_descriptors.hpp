// Descriptor shadowing: for every segment register of the virtual CPU a host descriptor in the guest
// process's LDT, with the guest's base and limit but DPL 3, and the selector that loads it.
//
// Host slots are a cache keyed by content, not by guest index: the guest's hidden descriptor parts decide, so
// a guest that rewrites its GDT keeps what it has loaded (SDM Vol. 3A, section 3.4.3), and a context switch
// that rewrites a thread-local segment finds the slot of last time.  The guest never sees a real selector:
// every instruction that shows one is sensitive.
//
// At CPL 3 segments end below the guest's kernel, so the hardware protects it.  A segment with a base whose
// offsets wrap around 4 GiB (thread-local storage below its base) cannot be clipped: it keeps its full limit.
// CS may be left unclipped on purpose: see Dispatcher::wide_code().
//
// The kernel in turn may be kept from the users' addresses for a while, see ShadowPages::flush_changed().  An
// expand-down segment is flat memory without its beginning; what cannot be had that way is denied as a whole,
// so that the access traps.
#pragma once

#include "shadow/host_space.hpp"
#include "shadow/shadow_state.hpp"
#include "shadow/vcpu.hpp"

namespace ringpress {

/// Host selectors in Seg order, ready to be loaded.
struct HostSelectors {
    std::uint16_t selector[6] = {};
    std::uint16_t operator[](Seg s) const { return selector[static_cast<unsigned>(s)]; }
};

/// Everything besides the registers that decides host descriptors.
struct SegmentContext {
    std::uint32_t data_shift = 0;  ///< added to the base of everything but CS, see shadow_pages.hpp
    std::uint32_t code_shift = 0;  ///< added to the base of CS: 0, or data_shift for direct user code
    std::uint64_t user_boundary = 1ull << 32;
    /// Below CPL 3 no data segment reaches a linear address below this; 0: no such bound.
    std::uint32_t kernel_floor = 0;
    bool wide_code = false;  ///< at CPL 3 the boundary does not clip CS
    bool operator==(const SegmentContext&) const = default;
};

/// The host descriptor for a register as the guest loaded it; nothing if it holds a null selector.
/// Pure: the tests go through it.
bool host_descriptor(const SegmentRegister& segment, Seg which, unsigned cpl, const SegmentContext& context,
                     HostDescriptor& into);

/// True if a kernel floor takes nothing from the data segments in the registers but what lies below it.
bool floor_is_exact(const VCpu& cpu, std::uint32_t kernel_floor);

class ShadowDescriptors {
  public:
    ShadowDescriptors(ShadowState& state, HostSpace& host) : s_(state), host_(host) {}

    /// Selectors for all six registers; loads descriptors that no slot holds yet.
    HostSelectors selectors(const VCpu& cpu, const SegmentContext& context);
    /// The same, if nothing has to be looked up for it; null otherwise.
    const HostSelectors* known_selectors(const VCpu& cpu, const SegmentContext& context) const {
        const Answer& last = last_[cpu.cpl == 3];
        if (!(context == last.context) || cpu.cpl != last.cpl) return nullptr;
        for (unsigned i = 0; i < 6; ++i)
            if (!(cpu.seg[i] == last.segment[i])) return nullptr;
        return &last.selectors;
    }
    /// For a segment that is in no register; at most kMostOthers between calls of selectors().
    std::uint16_t selector(const SegmentRegister& segment, Seg which, unsigned cpl,
                           const SegmentContext& context);
    /// Changes when selectors that were answered before stand for something else.
    std::uint64_t generation() const { return generation_; }

  private:
    std::uint16_t selector_for(const HostDescriptor& descriptor);
    std::uint16_t selector_of_null();
    bool find(const HostDescriptor& descriptor, std::uint16_t& selector) const;
    void forget_all();

    ShadowState& s_;
    HostSpace& host_;
    // What was answered last, at CPL 3 and below it, so that an unchanged register costs a comparison.
    struct Answer {
        SegmentRegister segment[6] = {};
        HostSelectors selectors = {};
        SegmentContext context = {};
        unsigned cpl = ~0u;
    } last_[2];
    std::uint64_t generation_ = 0;
    static constexpr std::uint32_t kMostOthers = 128;
};

}  // namespace ringpress
