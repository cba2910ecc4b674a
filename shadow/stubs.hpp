// Between the virtual CPU and what native stubs work on while guest code runs.
#pragma once

#include "shadow/shadow_descriptors.hpp"
#include "shadow/stub_state.hpp"
#include "shadow/vcpu.hpp"

namespace ringpress {

/// With one of these in the image or in the guest's EFLAGS, popf is the emulator's.
inline constexpr std::uint32_t kStubSlowFlags =
    eflags::TF | eflags::NT | eflags::IOPL | eflags::AC | eflags::ID;

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

}  // namespace ringpress
