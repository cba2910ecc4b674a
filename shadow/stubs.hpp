// Between the virtual CPU and what native stubs work on while guest code runs.
#pragma once

#include <cstring>

#include "shadow/descriptor.hpp"
#include "shadow/shadow_descriptors.hpp"
#include "shadow/stub_state.hpp"
#include "shadow/vcpu.hpp"

namespace ringpress {

/// With one of these in the image or in the guest's EFLAGS, popf is the emulator's.
inline constexpr std::uint32_t kStubSlowFlags =
    eflags::TF | eflags::NT | eflags::IOPL | eflags::AC | eflags::ID;

/// As loading it at CPL 0 leaves it; a null selector has no descriptor.
inline SegmentRegister register_of(std::uint16_t selector, std::uint32_t low, std::uint32_t high) {
    if ((selector & ~3u) == 0) return {selector, 0, 0, 0};
    return make_segment(selector, {low, high});
}

/// What is done at every gate is inline: traps/quick_gate.cpp calls nothing.
class Stubs {
  public:
    /// data: zeroed memory that stubs reach as well; null: there are no stubs.
    void open(StubData* data) { data_ = data; }
    /// What the hardware's segment registers hold: kept true when stubs load them.
    void track(HostSelectors* hardware) { hardware_ = hardware; }

    /// What stubs have changed since publish() goes to the virtual CPU.
    void collect(VCpu& cpu) {
        if (published_) take(cpu);
    }
    /// The guest resumes at CPL 0 with `hardware` as EFLAGS and
    /// `selectors` in the segment registers: what stubs shall find.
    void publish(const VCpu& cpu, std::uint32_t hardware, const HostSelectors& selectors,
                 bool interrupt_pending);

    /// Where the stub gave up that has just left through the gate, in bytes behind the site's first.
    std::uint32_t take_slow_at() {
        if (!data_) return 0;
        const std::uint32_t at = data_->state.slow_at;
        data_->state.slow_at = 0;
        return at;
    }
    std::uint32_t scratch(unsigned n) const { return data_->state.scratch[n]; }

    /// A segment register was loaded at CPL 0 from a descriptor at `address`: stubs may do so from here on.
    void remember(const SegmentRegister& segment, gva address, std::uint32_t low, std::uint32_t high,
                  std::uint16_t host);
    void remember_null(std::uint16_t selector, std::uint16_t host) {
        remember({selector, 0, 0, 0}, null_descriptor_, 0, 0, host);
    }
    /// Before publish(): what was remembered is put right if host selectors have changed their meaning, and
    /// forgotten if descriptor tables, or the stubs' own page, have moved.
    void settle_selectors(const VCpu& cpu, ShadowDescriptors& descriptors, const SegmentContext& context,
                          gva null_descriptor);
    void forget_selectors();
    /// True if settle_selectors() would find nothing to do.
    bool selectors_settled(const VCpu& cpu, const ShadowDescriptors& descriptors,
                           const SegmentContext& context, gva null_descriptor) const {
        return cpu.gdtr == gdtr_ && cpu.ldtr == ldtr_ && null_descriptor == null_descriptor_ &&
               context == context_ && generation_ == descriptors.generation();
    }
    /// False if an interrupt waited for IF when the guest was resumed last.
    bool nothing_pending() const { return data_->state.nothing_pending != 0; }
    /// What host selectors were last found for.
    const SegmentContext& context() const { return context_; }

  private:
    void take(VCpu& cpu);
    StubData* data_ = nullptr;
    HostSelectors* hardware_ = nullptr;
    bool published_ = false;
    static constexpr unsigned kMostSelectors = 64;
    std::uint16_t known_[kMostSelectors] = {};
    unsigned known_count_ = 0;
    SegmentContext context_ = {};
    std::uint64_t generation_ = 0;
    DescriptorTableRegister gdtr_ = {};
    SegmentRegister ldtr_ = {};
    gva null_descriptor_;
};

inline void Stubs::take(VCpu& cpu) {
    published_ = false;
    StubState& s = data_->state;
    cpu.eflags = s.if_delta ? cpu.eflags & ~eflags::IF : cpu.eflags | eflags::IF;
    std::uint64_t loaded;
    std::memcpy(&loaded, s.loaded, sizeof loaded);
    if (!loaded) return;
    for (const Seg which : {Seg::es, Seg::ds, Seg::fs, Seg::gs}) {
        const auto i = static_cast<unsigned>(which);
        if (!s.loaded[i]) continue;
        const auto selector = static_cast<std::uint16_t>(s.selector[i]);
        const SelectorContent& content = data_->content[selector];
        if (hardware_) hardware_->selector[i] = static_cast<std::uint16_t>(data_->place[selector].host);
        cpu.segment(which) = register_of(selector, 0u - content.minus_low, 0u - content.minus_high);
    }
}

inline void Stubs::publish(const VCpu& cpu, std::uint32_t hardware, const HostSelectors& selectors,
                           bool interrupt_pending) {
    using namespace eflags;
    if (!data_) return;
    StubState& s = data_->state;
    constexpr std::uint32_t kNotShown = RF | VM, kShared = kArithmetic | DF | IF;
    s.if_delta = cpu.interrupts_enabled() ? 0 : 0u - IF;
    s.flag_delta = (((cpu.eflags & ~kNotShown) | FIXED1) & ~kShared) - ((hardware & ~kNotShown) & ~kShared);
    s.other_flags = cpu.eflags & kStubSlowFlags;
    s.nothing_pending = !interrupt_pending;
    for (unsigned i = 0; i < 6; ++i) {
        s.selector[i] = cpu.seg[i].selector;
        s.not_hardware[i] = ~std::uint32_t{selectors.selector[i]};
    }
    s.control[0] = cpu.cr0;
    s.control[2] = cpu.cr2;
    s.control[3] = cpu.cr3;
    s.control[4] = cpu.cr4;
    constexpr std::uint64_t kNone = 0;
    std::memcpy(s.loaded, &kNone, sizeof s.loaded);
    published_ = true;
}

}  // namespace ringpress
