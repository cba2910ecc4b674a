#include "shadow/stubs.hpp"

#include <cstring>

namespace ringpress {

namespace {
/// A segment register from a descriptor as it lies in memory, SDM Vol. 3A, figure 3-8.
SegmentRegister register_of(std::uint16_t selector, std::uint32_t low, std::uint32_t high) {
    SegmentRegister s;
    s.selector = selector;
    if ((selector & ~3u) == 0) return s;
    s.attributes = static_cast<std::uint16_t>((high >> 8) & 0xF0FFu);
    s.base = (low >> 16) | ((high & 0xFFu) << 16) | (high & 0xFF000000u);
    const std::uint32_t raw = (low & 0xFFFFu) | (high & 0xF0000u);
    s.limit = high & 0x800000u ? (raw << 12) | 0xFFFu : raw;
    return s;
}
}  // namespace

void Stubs::take(VCpu& cpu) {
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

void Stubs::publish(const VCpu& cpu, std::uint32_t hardware, const HostSelectors& selectors,
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
    std::memset(s.loaded, 0, sizeof s.loaded);
    published_ = true;
}

void Stubs::remember(const SegmentRegister& segment, gva address, std::uint32_t low, std::uint32_t high,
                     std::uint16_t host) {
    if (!data_ || address.value == 0) return;
    if (!(register_of(segment.selector, low, high) == segment)) return;  // changed since it was loaded
    SelectorPlace& place = data_->place[segment.selector];
    if (!place.descriptor_at) {
        if (known_count_ == kMostSelectors) forget_selectors();
        known_[known_count_++] = segment.selector;
    }
    place = {address.value, host};
    data_->content[segment.selector] = {0u - low, 0u - high};
}

void Stubs::forget_selectors() {
    if (!data_) return;
    for (unsigned i = 0; i < known_count_; ++i) data_->place[known_[i]] = {};
    known_count_ = 0;
}

void Stubs::settle_selectors(const VCpu& cpu, ShadowDescriptors& descriptors, const SegmentContext& context,
                             gva null_descriptor) {
    if (!(cpu.gdtr == gdtr_) || !(cpu.ldtr == ldtr_) || null_descriptor != null_descriptor_) {
        forget_selectors();
        gdtr_ = cpu.gdtr;
        ldtr_ = cpu.ldtr;
        null_descriptor_ = null_descriptor;
    }
    if (context == context_ && generation_ == descriptors.generation()) return;
    context_ = context;
    generation_ = descriptors.generation();
    for (unsigned i = 0; i < known_count_; ++i) {
        const std::uint16_t selector = known_[i];
        const SelectorContent& content = data_->content[selector];
        const SegmentRegister segment =
            register_of(selector, 0u - content.minus_low, 0u - content.minus_high);
        data_->place[selector].host = descriptors.selector(segment, Seg::ds, cpu.cpl, context);
    }
}

}  // namespace ringpress
