// The part of the virtual CPU that native stubs work on (traps/stub_writer.hpp), as it lies in memory.
//
// A stub does in the guest's own mode what a sensitive instruction would do on the virtual CPU: cli is one
// store into this page.  It lies behind the last page of the guest's RAM file, and is mapped below 4 GiB,
// where only CPL 0 of the guest reaches it, through its flat stack segment.  What a guest writes here by
// accident or on purpose is its own virtual CPU's loss: the monitor believes none of it beyond that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "shadow/address.hpp"

namespace ringpress {

struct StubState {
    std::uint32_t scratch[3];   ///< ecx, edx, eax while a stub uses them
    std::uint32_t if_delta;     ///< 0 if the guest's IF is 1, else minus EFLAGS.IF
    std::uint32_t flag_delta;   ///< what pushf of the guest shows minus what the hardware's shows, without IF
    std::uint32_t other_flags;  ///< those of kStubSlowFlags that the guest has set
    std::uint32_t nothing_pending;  ///< 0: an interrupt waits for IF
    std::uint32_t slow_at;          ///< bytes from the site's first to the instruction a stub has given up at
    std::uint32_t selector[6];      ///< of the guest, zero-extended, in Seg order
    std::uint32_t not_hardware[6];  ///< complements of the host selectors in the registers, in Seg order
    std::uint8_t loaded[8];         ///< not 0: a stub has loaded the register; in Seg order
    std::uint32_t control[5];       ///< CR0, none, CR2, CR3, CR4: only the monitor changes them
    std::uint32_t null_descriptor[2];  ///< zeros: what a null selector stands for
};

/// What stubs know of a selector, two tables by its value.  A descriptor that no longer holds what it held
/// when its host selector was found, is left to the emulator.
struct SelectorPlace {
    std::uint32_t descriptor_at;  ///< linear address of its descriptor; 0: not known
    std::uint32_t host;           ///< what loads its shadow
};
struct SelectorContent {
    std::uint32_t minus_low, minus_high;  ///< the descriptor, each half negated
};

struct StubData {
    union {
        StubState state;
        std::uint8_t page[kPageSize];
    };
    SelectorPlace place[1u << 16];
    SelectorContent content[1u << 16];
};
static_assert(std::is_trivially_copyable_v<StubData> && sizeof(StubData) % kPageSize == 0);

}  // namespace ringpress
