// The virtual CPU: the state the guest believes in, as a plain struct in the arena.
//
// It is a standard-layout struct without pointers: a snapshot is a copy of it, and another process may read
// it. Every field is what the *guest* would see; what the hardware really holds meanwhile (ring 3, IF = 1,
// host selectors) lives in the engines.
#pragma once

#include <cstdint>
#include <type_traits>

namespace ringpress {

/// General registers in ModRM order, SDM Vol. 2A, table 2-2.
enum class Gpr : std::uint8_t { eax, ecx, edx, ebx, esp, ebp, esi, edi };
/// Segment registers in ModRM order.
enum class Seg : std::uint8_t { es, cs, ss, ds, fs, gs };

/// EFLAGS bits, SDM Vol. 1, figure 3-8.
namespace eflags {
inline constexpr std::uint32_t CF = 1u << 0, FIXED1 = 1u << 1, PF = 1u << 2, AF = 1u << 4, ZF = 1u << 6,
                               SF = 1u << 7, TF = 1u << 8, IF = 1u << 9, DF = 1u << 10, OF = 1u << 11,
                               IOPL = 3u << 12, NT = 1u << 14, RF = 1u << 16, VM = 1u << 17, AC = 1u << 18,
                               VIF = 1u << 19, VIP = 1u << 20, ID = 1u << 21;
inline constexpr std::uint32_t kArithmetic = CF | PF | AF | ZF | SF | OF;
inline constexpr unsigned kIoplShift = 12;
}  // namespace eflags

/// CR0 bits, SDM Vol. 3A, section 2.5.
namespace cr0 {
inline constexpr std::uint32_t PE = 1u << 0, MP = 1u << 1, EM = 1u << 2, TS = 1u << 3, ET = 1u << 4,
                               NE = 1u << 5, WP = 1u << 16, AM = 1u << 18, NW = 1u << 29, CD = 1u << 30,
                               PG = 1u << 31;
}
/// CR4 bits, SDM Vol. 3A, section 2.5.
namespace cr4 {
inline constexpr std::uint32_t VME = 1u << 0, PVI = 1u << 1, TSD = 1u << 2, DE = 1u << 3, PSE = 1u << 4,
                               PAE = 1u << 5, MCE = 1u << 6, PGE = 1u << 7, PCE = 1u << 8, OSFXSR = 1u << 9,
                               OSXMMEXCPT = 1u << 10;
}

/// A segment register with its hidden part (the descriptor cache), SDM Vol. 3A, section 3.4.3.
struct SegmentRegister {
    std::uint16_t selector = 0;
    /// Bits 8..15 and 20..23 of the descriptor's high word, shifted down by 8: type 0-3, S 4, DPL 5-6, P 7,
    /// AVL 12, D/B 14, G 15.  Zero for a null selector.
    std::uint16_t attributes = 0;
    std::uint32_t base = 0;
    std::uint32_t limit = 0;  ///< in bytes: granularity is applied already

    constexpr unsigned type() const { return attributes & 15u; }
    constexpr bool is_code_or_data() const { return attributes & 0x10u; }
    constexpr unsigned dpl() const { return (attributes >> 5) & 3u; }
    constexpr bool present() const { return attributes & 0x80u; }
    constexpr bool is_code() const { return is_code_or_data() && (attributes & 8u); }
    constexpr bool is_conforming_code() const { return is_code() && (attributes & 4u); }
    constexpr bool is_expand_down() const { return is_code_or_data() && (attributes & 0xCu) == 4u; }
    constexpr bool is_writable_data() const { return is_code_or_data() && (attributes & 0xAu) == 2u; }
    constexpr bool is_readable() const { return is_code_or_data() && (attributes & 0xAu) != 8u; }
    constexpr bool is_big() const { return attributes & 0x4000u; }  ///< D/B: 32-bit code or stack
    /// All of the 4 GiB, at offsets that are linear addresses.  Inline: traps/quick_gate.cpp calls nothing.
    [[gnu::always_inline]] constexpr bool is_flat() const {
        return base == 0 && limit == 0xFFFFFFFF && is_big() && !is_expand_down();
    }
    constexpr unsigned rpl() const { return selector & 3u; }
    constexpr bool operator==(const SegmentRegister&) const = default;
};

struct DescriptorTableRegister {
    std::uint32_t base = 0;
    std::uint16_t limit = 0;
    std::uint16_t reserved = 0;
    constexpr bool operator==(const DescriptorTableRegister&) const = default;
};

/// Model-specific registers that the virtual CPU has.  Others answer #GP(0).
struct Msrs {
    std::uint64_t apic_base = 0xFEE00900;  ///< enabled, bootstrap processor; SDM Vol. 3A, section 10.4.4
    std::uint64_t tsc_offset = 0;          ///< guest TSC = host TSC + offset
    std::uint64_t pat = 0x0007040600070406;
    std::uint64_t misc_enable = 1;
    std::uint64_t mtrr_def_type = 0;
    std::uint64_t bios_sign_id = 0;
    std::uint64_t tsc_adjust =
        0;  ///< what the guest itself has added to its TSC, SDM Vol. 3B, section 17.17.3
};

/// What kept the next instruction boundary from taking an interrupt, SDM Vol. 3A, section 6.8.
enum class InterruptShadow : std::uint8_t { none, sti, mov_ss };

/// What the virtual CPU is doing.
enum class Activity : std::uint8_t {
    running,
    halted,    ///< after hlt: wakes on an interrupt
    shutdown,  ///< triple fault, SDM Vol. 3A, section 6.15
};

struct VCpu {
    std::uint32_t gpr[8] = {};
    std::uint32_t eip = 0;
    /// The guest's EFLAGS, with the guest's own IF, IOPL, NT, AC, ID, TF.
    std::uint32_t eflags = eflags::FIXED1;
    SegmentRegister seg[6] = {};
    SegmentRegister ldtr = {};
    SegmentRegister tr = {};
    DescriptorTableRegister gdtr = {};
    DescriptorTableRegister idtr = {};
    std::uint32_t cr0 = cr0::ET;
    std::uint32_t cr2 = 0;
    std::uint32_t cr3 = 0;
    std::uint32_t cr4 = 0;
    std::uint32_t dr[8] = {0, 0, 0, 0, 0, 0, 0xFFFF0FF0, 0x400};
    std::uint8_t cpl = 0;
    InterruptShadow shadow = InterruptShadow::none;
    Activity activity = Activity::running;
    std::uint8_t nmi_blocked =
        0;  ///< from the delivery of an NMI to the next iret, SDM Vol. 3A, section 6.7.1
    std::uint8_t nmi_pending = 0;  ///< one is remembered
    std::uint8_t reserved[3] = {};
    Msrs msr = {};

    std::uint32_t& reg(Gpr r) { return gpr[static_cast<unsigned>(r)]; }
    std::uint32_t reg(Gpr r) const { return gpr[static_cast<unsigned>(r)]; }
    SegmentRegister& segment(Seg s) { return seg[static_cast<unsigned>(s)]; }
    const SegmentRegister& segment(Seg s) const { return seg[static_cast<unsigned>(s)]; }
    bool paging() const { return cr0 & cr0::PG; }
    unsigned iopl() const { return (eflags >> eflags::kIoplShift) & 3u; }
    bool interrupts_enabled() const { return eflags & eflags::IF; }
};
static_assert(std::is_trivially_copyable_v<VCpu> && std::is_standard_layout_v<VCpu>);
static_assert(sizeof(SegmentRegister) == 12 && sizeof(DescriptorTableRegister) == 8);

}  // namespace ringpress
