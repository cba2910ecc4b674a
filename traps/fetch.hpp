// Instruction fetch for emulation: bytes at the guest's EIP, decoded, with a cache of what was decoded.
#pragma once

#include <cstdint>

#include "shadow/guest_memory.hpp"
#include "traps/decode.hpp"

namespace ringpress {

class Fetcher {
  public:
    Fetcher(VCpu& cpu, GuestMemory& memory, Decoder& decoder)
        : cpu_(cpu), memory_(memory), decoder_(decoder) {}

    /// The instruction at CS:EIP with the present privilege, or the #PF or #GP that fetching it causes.
    /// An instruction that cannot be decoded has id `undefined`.  The reference is good until the next call.
    Result<const Instruction*> at_eip();

    /// As above, for a linear address whose first byte is known to lie at `physical`.
    Result<const Instruction*> at(gva address, gpa physical);

  private:
    static constexpr unsigned kEntries = 2048;
    struct Entry {
        std::uint32_t physical = ~0u;
        std::uint8_t code_size = 0;
        Instruction insn;
    };
    VCpu& cpu_;
    GuestMemory& memory_;
    Decoder& decoder_;
    Entry cache_[kEntries];
    Instruction scratch_;
};

}  // namespace ringpress
