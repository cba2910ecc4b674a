// Linear sweep: instruction after instruction through bytes that are said to be code.
//
// Nothing in x86 code says where an instruction begins, so a sweep can be wrong: data in code decodes to
// something, and what follows may be read at wrong offsets until the two happen to meet.  Symbols mend that,
// since a function begins where its symbol is.  What a sweep finds is therefore an estimate; what ringpress
// patches when a guest runs is proven (traps/prove.hpp).
#pragma once

#include <cstdint>
#include <functional>

#include "monitor/scan/code_image.hpp"
#include "traps/decode.hpp"

namespace ringpress {

/// What a stretch of bytes was taken for.
enum class SweepKind : std::uint8_t {
    instruction,
    foreign,  ///< an instruction that the CPU model does not have: #UD there (ud2, AVX ...)
    filler,   ///< breakpoints behind a jump or return, which nothing reaches
    data,     ///< a symbol says so
    cut,      ///< it would run on over a symbol: decoding starts over there
    unknown,  ///< no instruction
};

struct SweepStep {
    SweepKind kind = SweepKind::unknown;
    std::uint32_t offset = 0;  ///< in the section
    std::uint32_t length = 0;
    Instruction insn;  ///< for `instruction`
};

/// Calls `visit` for all bytes of a section, in order and without gaps.  code_size: 4, or 2 for 16-bit code.
void sweep(const CodeSection& section, const SymbolTable& symbols, Decoder& decoder, unsigned code_size,
           const std::function<void(const SweepStep&)>& visit);

}  // namespace ringpress
