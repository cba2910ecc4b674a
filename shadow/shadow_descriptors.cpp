#include "shadow/shadow_descriptors.hpp"

#include <algorithm>

namespace ringpress {

namespace {
constexpr std::uint16_t kLdtRpl3 = 7;  // TI = 1, RPL = 3; SDM Vol. 3A, figure 3-6
constexpr std::uint32_t kHashSize = 4096;

std::uint32_t flags_of(const HostDescriptor& d) {
    return d.in_pages | d.big << 1 | d.code << 2 | d.expand_down << 3 | d.read_only << 4;
}
std::uint32_t hash_of(const HostDescriptor& d) {
    return (d.base * 0x9E3779B1u ^ d.limit * 0x85EBCA6Bu ^ flags_of(d) * 0xC2B2AE35u) >> 20;
}
void set_limit(HostDescriptor& d, std::uint32_t bytes) {
    d.in_pages = bytes > 0xFFFFF;
    // A byte-granular limit above 1 MiB is not expressible: the last partial page is left to emulation.
    d.limit = d.in_pages ? static_cast<std::uint32_t>(((std::uint64_t{bytes} + 1) >> 12) - 1) : bytes;
}

enum class Floored { unchanged, flat, denied };
Floored floored(const SegmentRegister& segment, Seg which, std::uint32_t floor) {
    const std::uint64_t end = std::uint64_t{segment.base} + segment.limit;
    if (segment.is_expand_down()) return Floored::denied;
    if (segment.base >= floor && end < (1ull << 32)) return Floored::unchanged;
    const bool flat = segment.base == 0 && segment.limit == 0xFFFFFFFF;
    // D/B is the upper bound of an expand-down segment, and the width of a stack pointer.
    return flat && (which != Seg::ss || segment.is_big()) ? Floored::flat : Floored::denied;
}
}  // namespace

bool floor_is_exact(const VCpu& cpu, std::uint32_t kernel_floor) {
    for (const Seg which : {Seg::es, Seg::ss, Seg::ds, Seg::fs, Seg::gs}) {
        const SegmentRegister& segment = cpu.segment(which);
        if (segment.present() && floored(segment, which, kernel_floor) == Floored::denied) return false;
    }
    return true;
}

bool host_descriptor(const SegmentRegister& segment, Seg which, unsigned cpl, const SegmentContext& context,
                     HostDescriptor& into) {
    into = HostDescriptor{};
    into.base = segment.base + context.data_shift;
    into.big = segment.is_big();
    if (which == Seg::cs) {
        into.code = true;
        into.read_only = true;  // execute only: reads through CS would see the view, so they must trap
        into.base = segment.base + context.code_shift;
    } else {
        if (!segment.present()) return false;  // null: the host's null selector faults the same way
        into.read_only = !segment.is_writable_data();
        into.expand_down = segment.is_expand_down();
    }
    std::uint32_t limit = segment.limit;
    if (cpl == 3 && context.user_boundary < (1ull << 32) && !(which == Seg::cs && context.wide_code)) {
        const auto boundary = static_cast<std::uint32_t>(context.user_boundary);
        const std::uint64_t end = std::uint64_t{segment.base} + limit;
        if (into.expand_down) {
            // Its offsets reach up to 4 GiB and cannot be clipped: no offset is valid, every access traps.
            limit = 0xFFFFFFFF;
        } else if (which != Seg::cs && end >= (1ull << 32) && segment.base != 0) {
            // Wraps around: see the head of shadow_descriptors.hpp.
        } else if (segment.base >= boundary) {
            into.expand_down = which != Seg::cs;
            limit = which == Seg::cs ? 0 : 0xFFFFFFFF;
        } else {
            limit = std::min(limit, boundary - 1 - segment.base);
        }
    }
    if (cpl != 3 && which != Seg::cs && context.kernel_floor) {
        const Floored how = floored(segment, which, context.kernel_floor);
        if (how != Floored::unchanged) {
            into.expand_down = true;
            limit = how == Floored::flat ? context.kernel_floor - 1 : 0xFFFFFFFF;
        }
        if (how == Floored::flat) into.big = true;
    }
    set_limit(into, limit);
    return true;
}

bool ShadowDescriptors::find(const HostDescriptor& d, std::uint16_t& selector) const {
    for (std::uint32_t h = hash_of(d);; h = (h + 1) & (kHashSize - 1)) {
        const unsigned slot = s_.descriptor_hash[h];
        if (slot == 0) return false;
        const auto& key = s_.descriptor[slot - 1];
        if (key.base == d.base && key.limit == d.limit && key.flags == flags_of(d)) {
            selector = static_cast<std::uint16_t>((slot - 1) << 3 | kLdtRpl3);
            return true;
        }
    }
}

void ShadowDescriptors::forget_all() {
    s_.descriptor_count = 0;
    std::fill_n(s_.descriptor_hash, kHashSize, std::uint16_t{0});
    for (Answer& last : last_) last.cpl = ~0u;
    ++generation_;
}

std::uint16_t ShadowDescriptors::selector_for(const HostDescriptor& d) {
    std::uint16_t selector = 0;
    if (find(d, selector)) return selector;
    const std::uint32_t slot = s_.descriptor_count++;
    s_.descriptor[slot] = {d.base, d.limit, flags_of(d)};
    std::uint32_t h = hash_of(d);
    while (s_.descriptor_hash[h]) h = (h + 1) & (kHashSize - 1);
    s_.descriptor_hash[h] = static_cast<std::uint16_t>(slot + 1);
    host_.load_descriptor(slot, d);
    ++s_.counters.descriptors_loaded;
    return static_cast<std::uint16_t>(slot << 3 | kLdtRpl3);
}

HostSelectors ShadowDescriptors::selectors(const VCpu& cpu, const SegmentContext& context) {
    // Room for all before any is chosen, so that none is forgotten while another is loaded.
    constexpr std::uint32_t kMost = 6 + kMostOthers;
    if (s_.descriptor_count + kMost > kDescriptorSlots) forget_all();
    Answer& last = last_[cpu.cpl == 3];
    const bool same = context == last.context && cpu.cpl == last.cpl;
    for (unsigned i = 0; i < 6; ++i) {
        if (same && cpu.seg[i] == last.segment[i]) continue;
        last.selectors.selector[i] = selector(cpu.seg[i], static_cast<Seg>(i), cpu.cpl, context);
        last.segment[i] = cpu.seg[i];
    }
    last.context = context;
    last.cpl = cpu.cpl;
    return last.selectors;
}

/// A segment without a valid offset does what a null selector does, and can be loaded into SS at ring 3 as
/// well. Loading null itself takes AMD's processors five times as long.
std::uint16_t ShadowDescriptors::selector_of_null() {
    HostDescriptor d;
    d.expand_down = true;
    set_limit(d, 0xFFFFFFFF);
    return selector_for(d);
}

std::uint16_t ShadowDescriptors::selector(const SegmentRegister& segment, Seg which, unsigned cpl,
                                          const SegmentContext& context) {
    HostDescriptor d;
    return host_descriptor(segment, which, cpl, context, d) ? selector_for(d) : selector_of_null();
}

}  // namespace ringpress
