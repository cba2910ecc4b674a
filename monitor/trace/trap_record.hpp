// What is noted of a trap, in the arena: the newest ones in a few words always, and every one in full while a
// trace or a log is written.
//
// The core writes both rings and never waits.  The supervisor reads them and believes nothing: it takes a
// copy, and checks the copy (ring_reader.hpp).
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

namespace ringpress {

/// One handled trap in a few words, for dumps.
struct TrapRecord {
    std::uint32_t eip = 0;      ///< of the instruction that trapped, as the guest knows it
    std::uint32_t error = 0;    ///< the hardware's error code
    std::uint32_t address = 0;  ///< of a page fault; of a gate: the linear address of its site
    std::uint8_t vector = 0;    ///< the host's; 0 for a gate and for an asynchronous event
    std::uint8_t cause = 0;     ///< TrapCause
    std::uint8_t insn = 0;      ///< InsnId
    std::uint8_t cpl = 0;
};
inline constexpr std::uint32_t kTrapRingSize = 256;

/// The part of the virtual CPU that a trace compares: before a trap and after it.  state_fields.hpp names its
/// parts.
struct TracedState {
    std::uint32_t gpr[8] = {};
    std::uint32_t eip = 0, eflags = 0;
    std::uint32_t cr0 = 0, cr2 = 0, cr3 = 0, cr4 = 0;
    std::uint16_t selector[6] = {};  ///< by Seg
    std::uint8_t cpl = 0;
    std::uint8_t activity = 0;  ///< Activity
    std::uint16_t reserved = 0;
};

/// One trap in full.  Times are those of the handler, without the recording itself.
struct TraceRecord {
    static constexpr std::uint8_t kNoVector = 0xFF;
    static constexpr std::uint8_t kCode16 = 1;  ///< flags: the code segment is a 16-bit one

    TrapRecord trap;
    std::uint64_t guest_ns = 0;          ///< guest time at which handling began
    std::uint64_t tsc = 0;               ///< the host's counter at that moment
    std::uint32_t ticks = 0;             ///< of that counter, until the core was ready to resume the guest
    std::uint32_t linear = 0;            ///< where EIP is: CS base added
    std::uint32_t burst = 0;             ///< instructions run in software behind the first one
    std::uint32_t mapped = 0;            ///< shadow pages mapped
    std::uint32_t proven = 0;            ///< instructions proven
    std::uint32_t gates_made = 0;        ///< sites that got a gate
    std::uint8_t reflected = kNoVector;  ///< the exception given back to the guest
    std::uint8_t injected = kNoVector;   ///< the external interrupt delivered
    std::uint8_t flags = 0;
    std::uint8_t code_bytes = 0;  ///< how many of `code` are known
    std::uint8_t code[16] = {};   ///< from EIP on: the instruction is among them, SDM Vol. 2A, section 2.3.11
    TracedState before, after;
    std::uint32_t reserved = 0;
};
static_assert(std::is_trivially_copyable_v<TraceRecord> && sizeof(TrapRecord) == 16 &&
              sizeof(TracedState) == 72 && sizeof(TraceRecord) == 224);

/// Enough for a supervisor that does not get a processor for a quarter of a second, at 200,000 traps a
/// second.
inline constexpr std::uint32_t kTraceRingSize = 65536;

struct TraceRing {
    /// Record n is at n % kTraceRingSize until record n + kTraceRingSize is begun.
    std::atomic<std::uint64_t> written{0};
    TraceRecord records[kTraceRingSize];
};

}  // namespace ringpress
