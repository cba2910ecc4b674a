// Arithmetic by the host's own ALU.  An interpreted instruction must leave the very flags that it would have
// left natively, those included that the manuals call undefined; the surest source for them is the same
// processor.
//
// Flags travel in AX: AH as lahf and sahf have it (SF ZF AF PF CF), AL is OF.  Adding 0x7F to AL turns 1 into
// an overflow, so that two instructions load all six flags, and two store them.  No stack is touched.
#pragma once

#include <cstdint>

#include "shadow/vcpu.hpp"

namespace ringpress::alu {

inline std::uint32_t pack_flags(std::uint32_t f) {
    constexpr std::uint32_t low = eflags::kArithmetic & 0xFFu;
    return (f & low) << 8 | (f & eflags::OF ? 1u : 0u);
}
inline std::uint32_t unpack_flags(std::uint32_t old, std::uint32_t ax) {
    constexpr std::uint32_t low = eflags::kArithmetic & 0xFFu;
    return (old & ~eflags::kArithmetic) | ((ax >> 8) & low) | (ax & 1u ? eflags::OF : 0u);
}

#define RINGPRESS_FLAGS_IN "addb $0x7f, %%al\n\tsahf\n\t"
#define RINGPRESS_FLAGS_OUT "\n\tlahf\n\tseto %%al"

/// op source, destination
#define RINGPRESS_BINARY(name, op)                                                                      \
    inline std::uint32_t name(std::uint32_t d, std::uint32_t s, unsigned width, std::uint32_t& flags) { \
        std::uint32_t ax = pack_flags(flags);                                                           \
        switch (width) {                                                                                \
            case 1:                                                                                     \
                asm(RINGPRESS_FLAGS_IN op "b %b2, %b1" RINGPRESS_FLAGS_OUT                              \
                    : "+&a"(ax), "+r"(d)                                                                \
                    : "r"(s)                                                                            \
                    : "cc");                                                                            \
                break;                                                                                  \
            case 2:                                                                                     \
                asm(RINGPRESS_FLAGS_IN op "w %w2, %w1" RINGPRESS_FLAGS_OUT                              \
                    : "+&a"(ax), "+r"(d)                                                                \
                    : "r"(s)                                                                            \
                    : "cc");                                                                            \
                break;                                                                                  \
            default:                                                                                    \
                asm(RINGPRESS_FLAGS_IN op "l %k2, %k1" RINGPRESS_FLAGS_OUT                              \
                    : "+&a"(ax), "+r"(d)                                                                \
                    : "r"(s)                                                                            \
                    : "cc");                                                                            \
                break;                                                                                  \
        }                                                                                               \
        flags = unpack_flags(flags, ax);                                                                \
        return d;                                                                                       \
    }

/// op destination
#define RINGPRESS_UNARY(name, op)                                                                     \
    inline std::uint32_t name(std::uint32_t d, unsigned width, std::uint32_t& flags) {                \
        std::uint32_t ax = pack_flags(flags);                                                         \
        switch (width) {                                                                              \
            case 1:                                                                                   \
                asm(RINGPRESS_FLAGS_IN op "b %b1" RINGPRESS_FLAGS_OUT : "+&a"(ax), "+r"(d) : : "cc"); \
                break;                                                                                \
            case 2:                                                                                   \
                asm(RINGPRESS_FLAGS_IN op "w %w1" RINGPRESS_FLAGS_OUT : "+&a"(ax), "+r"(d) : : "cc"); \
                break;                                                                                \
            default:                                                                                  \
                asm(RINGPRESS_FLAGS_IN op "l %k1" RINGPRESS_FLAGS_OUT : "+&a"(ax), "+r"(d) : : "cc"); \
                break;                                                                                \
        }                                                                                             \
        flags = unpack_flags(flags, ax);                                                              \
        return d;                                                                                     \
    }

/// op cl, destination
#define RINGPRESS_SHIFT(name, op)                                                                           \
    inline std::uint32_t name(std::uint32_t d, std::uint32_t count, unsigned width, std::uint32_t& flags) { \
        std::uint32_t ax = pack_flags(flags);                                                               \
        switch (width) {                                                                                    \
            case 1:                                                                                         \
                asm(RINGPRESS_FLAGS_IN op "b %%cl, %b1" RINGPRESS_FLAGS_OUT                                 \
                    : "+&a"(ax), "+r"(d)                                                                    \
                    : "c"(count)                                                                            \
                    : "cc");                                                                                \
                break;                                                                                      \
            case 2:                                                                                         \
                asm(RINGPRESS_FLAGS_IN op "w %%cl, %w1" RINGPRESS_FLAGS_OUT                                 \
                    : "+&a"(ax), "+r"(d)                                                                    \
                    : "c"(count)                                                                            \
                    : "cc");                                                                                \
                break;                                                                                      \
            default:                                                                                        \
                asm(RINGPRESS_FLAGS_IN op "l %%cl, %k1" RINGPRESS_FLAGS_OUT                                 \
                    : "+&a"(ax), "+r"(d)                                                                    \
                    : "c"(count)                                                                            \
                    : "cc");                                                                                \
                break;                                                                                      \
        }                                                                                                   \
        flags = unpack_flags(flags, ax);                                                                    \
        return d;                                                                                           \
    }

/// As RINGPRESS_BINARY, for what has no byte form.
#define RINGPRESS_WIDE_BINARY(name, op)                                                                 \
    inline std::uint32_t name(std::uint32_t d, std::uint32_t s, unsigned width, std::uint32_t& flags) { \
        std::uint32_t ax = pack_flags(flags);                                                           \
        if (width == 2)                                                                                 \
            asm(RINGPRESS_FLAGS_IN op "w %w2, %w1" RINGPRESS_FLAGS_OUT                                  \
                : "+&a"(ax), "+r"(d)                                                                    \
                : "r"(s)                                                                                \
                : "cc");                                                                                \
        else                                                                                            \
            asm(RINGPRESS_FLAGS_IN op "l %k2, %k1" RINGPRESS_FLAGS_OUT                                  \
                : "+&a"(ax), "+r"(d)                                                                    \
                : "r"(s)                                                                                \
                : "cc");                                                                                \
        flags = unpack_flags(flags, ax);                                                                \
        return d;                                                                                       \
    }

/// op cl, source, destination
#define RINGPRESS_DOUBLE_SHIFT(name, op)                                                             \
    inline std::uint32_t name(std::uint32_t d, std::uint32_t s, std::uint32_t count, unsigned width, \
                              std::uint32_t& flags) {                                                \
        std::uint32_t ax = pack_flags(flags);                                                        \
        if (width == 2)                                                                              \
            asm(RINGPRESS_FLAGS_IN op "w %%cl, %w2, %w1" RINGPRESS_FLAGS_OUT                         \
                : "+&a"(ax), "+r"(d)                                                                 \
                : "r"(s), "c"(count)                                                                 \
                : "cc");                                                                             \
        else                                                                                         \
            asm(RINGPRESS_FLAGS_IN op "l %%cl, %k2, %k1" RINGPRESS_FLAGS_OUT                         \
                : "+&a"(ax), "+r"(d)                                                                 \
                : "r"(s), "c"(count)                                                                 \
                : "cc");                                                                             \
        flags = unpack_flags(flags, ax);                                                             \
        return d;                                                                                    \
    }

/// mul, imul, div, idiv: low:high (by op and source) -> low:high.  The accumulator is moved in behind sahf,
/// which needs AH, and out before lahf.  A division that would fault must not be asked for.
#define RINGPRESS_WIDE(name, op)                                                               \
    inline void name(std::uint32_t& low, std::uint32_t& high, std::uint32_t s, unsigned width, \
                     std::uint32_t& flags) {                                                   \
        std::uint32_t ax = pack_flags(flags), a = low, d = high;                               \
        switch (width) {                                                                       \
            case 1:                                                                            \
                asm(RINGPRESS_FLAGS_IN "movl %k1, %%eax\n\t" op                                \
                                       "b %b3\n\tmovl %%eax, %k1" RINGPRESS_FLAGS_OUT          \
                    : "+&a"(ax), "+r"(a), "+d"(d)                                              \
                    : "r"(s)                                                                   \
                    : "cc");                                                                   \
                break;                                                                         \
            case 2:                                                                            \
                asm(RINGPRESS_FLAGS_IN "movl %k1, %%eax\n\t" op                                \
                                       "w %w3\n\tmovl %%eax, %k1" RINGPRESS_FLAGS_OUT          \
                    : "+&a"(ax), "+r"(a), "+d"(d)                                              \
                    : "r"(s)                                                                   \
                    : "cc");                                                                   \
                break;                                                                         \
            default:                                                                           \
                asm(RINGPRESS_FLAGS_IN "movl %k1, %%eax\n\t" op                                \
                                       "l %k3\n\tmovl %%eax, %k1" RINGPRESS_FLAGS_OUT          \
                    : "+&a"(ax), "+r"(a), "+d"(d)                                              \
                    : "r"(s)                                                                   \
                    : "cc");                                                                   \
                break;                                                                         \
        }                                                                                      \
        low = a;                                                                               \
        high = d;                                                                              \
        flags = unpack_flags(flags, ax);                                                       \
    }

RINGPRESS_BINARY(add, "add")
RINGPRESS_BINARY(bit_or, "or")
RINGPRESS_BINARY(adc, "adc")
RINGPRESS_BINARY(sbb, "sbb")
RINGPRESS_BINARY(bit_and, "and")
RINGPRESS_BINARY(sub, "sub")
RINGPRESS_BINARY(bit_xor, "xor")
RINGPRESS_BINARY(cmp, "cmp")
RINGPRESS_BINARY(test, "test")
RINGPRESS_UNARY(inc, "inc")
RINGPRESS_UNARY(dec, "dec")
RINGPRESS_UNARY(neg, "neg")
RINGPRESS_SHIFT(rol, "rol")
RINGPRESS_SHIFT(ror, "ror")
RINGPRESS_SHIFT(rcl, "rcl")
RINGPRESS_SHIFT(rcr, "rcr")
RINGPRESS_SHIFT(shl, "shl")
RINGPRESS_SHIFT(shr, "shr")
RINGPRESS_SHIFT(sar, "sar")
RINGPRESS_DOUBLE_SHIFT(shld, "shld")
RINGPRESS_DOUBLE_SHIFT(shrd, "shrd")
RINGPRESS_WIDE_BINARY(imul_two, "imul")
RINGPRESS_WIDE_BINARY(bsf, "bsf")
RINGPRESS_WIDE_BINARY(bsr, "bsr")
RINGPRESS_WIDE_BINARY(bt, "bt")
RINGPRESS_WIDE_BINARY(bts, "bts")
RINGPRESS_WIDE_BINARY(btr, "btr")
RINGPRESS_WIDE_BINARY(btc, "btc")
RINGPRESS_WIDE(mul, "mul")
RINGPRESS_WIDE(imul, "imul")
RINGPRESS_WIDE(div, "div")
RINGPRESS_WIDE(idiv, "idiv")

#undef RINGPRESS_FLAGS_IN
#undef RINGPRESS_FLAGS_OUT
#undef RINGPRESS_BINARY
#undef RINGPRESS_UNARY
#undef RINGPRESS_SHIFT
#undef RINGPRESS_WIDE_BINARY
#undef RINGPRESS_DOUBLE_SHIFT
#undef RINGPRESS_WIDE

/// The eight operations of opcodes 00..3F and 80..83, in ModRM order; cmp returns its destination unchanged.
inline std::uint32_t arithmetic(unsigned op, std::uint32_t d, std::uint32_t s, unsigned width,
                                std::uint32_t& flags) {
    switch (op) {
        case 0: return add(d, s, width, flags);
        case 1: return bit_or(d, s, width, flags);
        case 2: return adc(d, s, width, flags);
        case 3: return sbb(d, s, width, flags);
        case 4: return bit_and(d, s, width, flags);
        case 5: return sub(d, s, width, flags);
        case 6: return bit_xor(d, s, width, flags);
        default: return cmp(d, s, width, flags);
    }
}

/// The eight shifts and rotates of opcodes C0, C1, D0..D3; 6 is an alias of shl.
inline std::uint32_t shift(unsigned op, std::uint32_t d, std::uint32_t count, unsigned width,
                           std::uint32_t& flags) {
    switch (op) {
        case 0: return rol(d, count, width, flags);
        case 1: return ror(d, count, width, flags);
        case 2: return rcl(d, count, width, flags);
        case 3: return rcr(d, count, width, flags);
        case 5: return shr(d, count, width, flags);
        case 7: return sar(d, count, width, flags);
        default: return shl(d, count, width, flags);
    }
}

/// The sixteen conditions of jcc, setcc and cmovcc, SDM Vol. 1, appendix B.
inline bool condition(unsigned code, std::uint32_t f) {
    using namespace eflags;
    const bool less = !(f & SF) != !(f & OF);
    bool yes = false;
    switch (code >> 1) {
        case 0: yes = f & OF; break;
        case 1: yes = f & CF; break;
        case 2: yes = f & ZF; break;
        case 3: yes = f & (CF | ZF); break;
        case 4: yes = f & SF; break;
        case 5: yes = f & PF; break;
        case 6: yes = less; break;
        default: yes = less || (f & ZF); break;
    }
    return yes != bool(code & 1u);
}

}  // namespace ringpress::alu
