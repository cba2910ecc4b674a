#include "traps/fetch.hpp"

#include <algorithm>
#include <cstring>

namespace ringpress {

namespace {
constexpr unsigned kLongest = 15;  // SDM Vol. 2A, section 2.3.11
}

Result<const Instruction*> Fetcher::at_eip() {
    const SegmentRegister& cs = cpu_.segment(Seg::cs);
    if (cpu_.eip > cs.limit) return Fault::gp(0);
    const gva address(cs.base + cpu_.eip);
    const gpa physical = TRY(memory_.translate(address, Access::execute(cpu_.cpl == 3)));
    return at(address, physical);
}

Result<const Instruction*> Fetcher::at(gva address, gpa physical) {
    const unsigned code_size = cpu_.segment(Seg::cs).is_big() ? 4 : 2;
    const unsigned in_page = std::min<unsigned>(kLongest, kPageSize - address.offset());
    if (memory_.is_ram(physical)) {
        const std::uint8_t* bytes = memory_.ram() + physical.value;
        Entry& entry = cache_[(physical.value ^ physical.value >> 11) % kEntries];
        // The bytes themselves are compared, so nothing ever has to invalidate the cache.
        if (entry.physical == physical.value && entry.code_size == code_size &&
            entry.insn.length <= in_page && std::memcmp(entry.insn.bytes, bytes, entry.insn.length) == 0)
            return &entry.insn;
        const Instruction insn = decoder_.decode(bytes, in_page, code_size);
        if (insn.length) {
            entry = {physical.value, static_cast<std::uint8_t>(code_size), insn};
            return &entry.insn;
        }
        if (!decoder_.truncated()) {
            scratch_ = insn;
            return &scratch_;
        }
    }
    // The instruction runs on into the next page, or does not lie in RAM at all.
    std::uint8_t bytes[kLongest];
    const Access access = Access::execute(cpu_.cpl == 3);
    unsigned have = 0;
    for (; have < in_page; ++have)
        bytes[have] = static_cast<std::uint8_t>(memory_.read_physical(physical + have, 1));
    if (have < kLongest) {
        const auto next = memory_.translate(address + have, access);
        if (!next) {
            scratch_ = decoder_.decode(bytes, have, code_size);
            if (scratch_.length || !decoder_.truncated()) return &scratch_;
            return next.fault();
        }
        for (unsigned i = 0; have < kLongest; ++have, ++i)
            bytes[have] = static_cast<std::uint8_t>(memory_.read_physical(next.value() + i, 1));
    }
    scratch_ = decoder_.decode(bytes, have, code_size);
    return &scratch_;
}

}  // namespace ringpress
