// Native stubs: the 32-bit code that a gate site may lead to instead of the gate.
//
// A stub does what the instructions that the site's jump covers would do on the virtual CPU: cli sti pushf
// popf and moves of segment registers on the page of shadow/stub_state.hpp, everything innocuous as it is. It
// leaves the arithmetic flags alone where the instruction does, and has no stack but the guest's.  What it
// cannot decide (an interrupt that waits, flags out of the ordinary, a selector that was never loaded) makes
// it give up: registers as before the instruction, then the gate.
//
// A signal or fault may come at any point of it.  Stub::points says what the guest's state is there: almost
// every sensitive instruction is simply begun anew, so that the guest finds itself between two of its own
// instructions always.
#pragma once

#include <cstdint>

#include "shadow/gate_sites.hpp"
#include "shadow/stubs.hpp"
#include "traps/instruction.hpp"

namespace ringpress {

/// Addresses that a stub's code holds.  All linear, with flat segments.
struct StubAddresses {
    std::uint32_t cell = 0;     ///< where the code will lie
    std::uint32_t site = 0;     ///< the site's first byte
    std::uint32_t data = 0;     ///< StubData
    std::uint32_t landing = 0;  ///< of the gate
};

/// The guest's state from here to the next point.
struct StubPoint {
    std::uint16_t at = 0;      ///< offset in the code
    std::uint32_t eip = 0;     ///< the guest's
    std::uint8_t restore = 0;  ///< bit n: StubState::scratch[n] holds the register
    std::int8_t popped = 0;    ///< bytes to be added to ESP
    bool shadow = false;       ///< sti has just been executed: no interrupt before the instruction at eip
    bool flags_lost = false;   ///< the instruction at eip must be executed, it sets them all anew
};

struct Stub {
    static constexpr unsigned kMostPoints = 96;
    std::uint8_t code[kStubCellBytes];
    unsigned length = 0;  ///< 0: these instructions cannot have a stub
    StubPoint points[kMostPoints];
    unsigned point_count = 0;

    /// What holds at an offset of the code; null behind its end.
    const StubPoint* point(std::uint32_t offset) const;
};

/// The guest's registers at a point, from those found there: between two of its own instructions.
void resume_at(const StubPoint& point, const Stubs& stubs, VCpu& cpu);

/// True if a stub can do the instruction at CPL 0; pure.
bool may_become_stub(const Instruction& insn);

/// insns: `count` instructions that follow each other from the site on; those from `slow_from` on must not
/// run here.
void write_stub(const StubAddresses& where, const Instruction* insns, unsigned count, unsigned slow_from,
                Stub& into);

}  // namespace ringpress
