// What is counted while a guest runs; printed by --stats.
#pragma once

#include <cstdint>

#include "traps/instruction.hpp"

namespace ringpress {

/// Why the monitor was entered.
enum class TrapCause : std::uint8_t {
    privileged,     ///< a sensitive instruction that faults by itself
    patched,        ///< a sensitive instruction behind an int3 of the code view
    prove,          ///< first execution of an address: the code view grew
    hidden_fault,   ///< a page the guest's tables allow, not mapped yet
    true_fault,     ///< a page fault that belongs to the guest
    segment_limit,  ///< a clipped segment
    mmio,           ///< a memory-mapped device, or memory below mmap_min_addr
    code_write,     ///< a write to a page that has a code view
    reflected,      ///< any other exception of the guest's own
    interrupt,      ///< an asynchronous signal: a timer, or input
    gate,           ///< a jump through a gate: no trap at all
    debugger,       ///< a breakpoint or watchpoint of the debugger's, or a step
    count_,
};
inline constexpr unsigned kTrapCauses = static_cast<unsigned>(TrapCause::count_);

struct Statistics {
    std::uint64_t traps[kTrapCauses] = {};
    std::uint64_t emulated[static_cast<unsigned>(InsnId::count_)] = {};
    std::uint64_t burst_instructions = 0;  ///< interpreted behind a trap, without one of their own
    std::uint64_t reflected[32] = {};      ///< by vector
    std::uint64_t interrupts = 0;          ///< external interrupts injected
    std::uint64_t halts = 0;
    std::uint64_t pages_mapped = 0;  ///< shadow entries made
    std::uint64_t pages_unmapped = 0;
    std::uint64_t map_calls = 0;           ///< mmap, munmap and mprotect calls
    std::uint64_t descriptors_loaded = 0;  ///< modify_ldt calls
    std::uint64_t view_pages = 0;          ///< code view pages built
    std::uint64_t views_dropped = 0;
    std::uint64_t proven = 0;         ///< instructions proven
    std::uint64_t patched_sites = 0;  ///< of them, sensitive ones
    std::uint64_t inlined_sites = 0;
    std::uint64_t stub_sites = 0;    ///< of them, with a native stub
    std::uint64_t tail_sites = 0;    ///< of them, with a copy of what the jump covers behind the instruction
    std::uint64_t window_moves = 0;  ///< times S moved
    std::uint64_t shadow_recycled = 0;  ///< times the host's mapping limit forced a flush
};

}  // namespace ringpress
