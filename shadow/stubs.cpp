#include "shadow/stubs.hpp"

namespace ringpress {

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
