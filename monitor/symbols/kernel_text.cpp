#include "monitor/symbols/kernel_text.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "monitor/boot/bzimage.hpp"
#include "monitor/boot/elf.hpp"

namespace ringpress {
namespace {

constexpr std::uint32_t kSamples = 64;
/// A kernel that is given as ELF file does not say what it moves by; CONFIG_PHYSICAL_ALIGN is a multiple of
/// 8 KiB, and in practice of this.
constexpr std::uint32_t kElfAlignment = 1u << 20;

}  // namespace

std::optional<KernelText> KernelText::of(std::span<const std::byte> kernel_file) {
    UnpackedKernel unpacked;
    Image elf = kernel_file;
    unpacked.alignment = kElfAlignment;
    if (has_packed_kernel(kernel_file)) {
        unpacked = unpack_bzimage(kernel_file);
        elf = unpacked.elf;
    }
    if (!is_elf(elf)) return std::nullopt;

    KernelText text;
    text.alignment_ = unpacked.alignment;
    for (const ElfSegment& segment : parse_elf(elf).segments) {
        if (!segment.executable) continue;
        const std::size_t step = std::max<std::size_t>(segment.bytes.size() / kSamples, kSampleBytes);
        for (std::size_t at = 0; at + kSampleBytes <= segment.bytes.size(); at += step) {
            Sample sample{segment.physical + static_cast<std::uint32_t>(at), {}};
            std::memcpy(sample.bytes.data(), segment.bytes.data() + at, kSampleBytes);
            // Padding is everywhere.
            if (std::adjacent_find(sample.bytes.begin(), sample.bytes.end(), std::not_equal_to<>()) !=
                sample.bytes.end())
                text.samples_.push_back(sample);
        }
        break;  // of several, the first is the one that stays
    }
    if (text.samples_.empty()) return std::nullopt;
    return text;
}

bool KernelText::is_at(std::uint32_t slide, std::span<const std::byte> ram) const {
    unsigned equal = 0, seen = 0;
    for (const Sample& sample : samples_) {
        const std::uint64_t at = std::uint64_t{sample.physical} + slide;
        if (at + kSampleBytes > ram.size()) return false;
        equal += std::memcmp(ram.data() + at, sample.bytes.data(), kSampleBytes) == 0;
        ++seen;
        if (seen == 8 && equal == 0) return false;
    }
    // A moved kernel has other addresses in its code, and patches itself: many samples differ where it is,
    // and nearly all where it is not.
    return equal * 4 >= seen;
}

std::optional<std::uint32_t> KernelText::slide_in(std::span<const std::byte> ram) const {
    if (is_at(0, ram)) return 0;
    if (alignment_ == 0) return std::nullopt;
    for (std::uint64_t slide = alignment_; samples_.back().physical + slide < ram.size();
         slide += alignment_) {
        if (is_at(static_cast<std::uint32_t>(slide), ram)) return static_cast<std::uint32_t>(slide);
    }
    return std::nullopt;
}

}  // namespace ringpress
