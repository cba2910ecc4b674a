// The guest's own page tables, walked in software: two levels, 4 KiB and 4 MiB pages, no PAE.
//
// Used twice: emulated accesses go through it, and the shadow pager asks it what a native access may do.
// Source: SDM Vol. 3A, sections 4.3 (32-bit paging), 4.6 (access rights), 4.7 (error codes), 4.8 (A and D).
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>

#include "shadow/address.hpp"
#include "shadow/fault.hpp"
#include "shadow/vcpu.hpp"

namespace ringpress {

/// Who touches memory and how; decides which faults a page walk finds.
struct Access {
    bool write = false;
    bool user = false;  ///< made at CPL 3 (implicit accesses to descriptor tables are always supervisor)
    bool fetch = false;
    static constexpr Access read(bool user) { return {false, user, false}; }
    static constexpr Access store(bool user) { return {true, user, false}; }
    static constexpr Access execute(bool user) { return {false, user, true}; }
};

/// Page-table entry bits, SDM Vol. 3A, figure 4-4.
namespace pte {
inline constexpr std::uint32_t P = 1u << 0, RW = 1u << 1, US = 1u << 2, PWT = 1u << 3, PCD = 1u << 4,
                               A = 1u << 5, D = 1u << 6, PS = 1u << 7, G = 1u << 8;
inline constexpr std::uint32_t kFrame = 0xFFFFF000u;
inline constexpr std::uint32_t kLargeFrame = 0xFFC00000u;
/// Bits 13..21 of a 4 MiB entry are address bits 32..40 with PSE-36, which the CPU model does not have.
inline constexpr std::uint32_t kLargeReserved = 0x003FE000u;
}  // namespace pte

/// What the guest's tables say about one linear address.
struct Translation {
    gpa physical;            ///< of the very byte asked for
    bool writable = false;   ///< by the asking privilege, CR0.WP considered
    bool rw = false;         ///< R/W of both levels combined: what user mode may do
    bool user = false;       ///< U/S of both levels combined
    bool dirty = false;      ///< D of the leaf, after this walk
    bool global = false;     ///< G of the leaf, and CR4.PGE is on
    bool large = false;      ///< a 4 MiB page
    std::uint32_t leaf = 0;  ///< the entry that maps the page: PTE, or PDE if large; 0 without paging

    bool accessed() const { return leaf == 0 || (leaf & pte::A); }
};

namespace detail {

/// An entry of a paging structure.  Tables that lie outside RAM read as ones, like any memory that is not
/// there.
inline std::uint32_t read_entry(const std::uint8_t* ram, std::uint32_t ram_size, std::uint32_t address) {
    if (address >= ram_size) return 0xFFFFFFFFu;
    std::uint32_t entry;
    std::memcpy(&entry, ram + address, sizeof entry);
    return entry;
}

/// Sets A or D with a locked OR, as the processor does: the guest may own the other bits at the same moment.
inline void set_entry_bits(std::uint8_t* ram, std::uint32_t ram_size, std::uint32_t address,
                           std::uint32_t bits) {
    if (address >= ram_size) return;
    std::atomic_ref(*reinterpret_cast<std::uint32_t*>(ram + address))
        .fetch_or(bits, std::memory_order_relaxed);
}

}  // namespace detail

/// Walks the tables for `address`.  set_bits: mark Accessed, and Dirty for a write, if the access is allowed;
/// a walk that ends in a fault changes nothing.  ram holds guest-physical [0, ram_size), 4-byte aligned.
/// Makes no check of segments, and knows nothing of memory-mapped devices.
inline Result<Translation> walk(const VCpu& cpu, std::uint8_t* ram, std::uint32_t ram_size, gva address,
                                Access access, bool set_bits) {
    Translation t;
    if (!cpu.paging()) {
        t.physical = gpa(address.value);
        t.writable = t.rw = t.user = t.dirty = true;
        return t;
    }
    // Without NX and SMEP the fetch bit of the error code stays zero, SDM Vol. 3A, section 4.7.
    const std::uint32_t who = (access.write ? pf_error::W : 0u) | (access.user ? pf_error::U : 0u);
    const std::uint32_t pde_at = (cpu.cr3 & pte::kFrame) + ((address.value >> 22) << 2);
    const std::uint32_t pde = detail::read_entry(ram, ram_size, pde_at);
    if (!(pde & pte::P)) return Fault::pf(who, address.value);

    std::uint32_t leaf_at = pde_at, rights = pde;
    if ((pde & pte::PS) && (cpu.cr4 & cr4::PSE)) {
        if (pde & pte::kLargeReserved) return Fault::pf(who | pf_error::P | pf_error::RSVD, address.value);
        t.large = true;
        t.leaf = pde;
        t.physical = gpa((pde & pte::kLargeFrame) | (address.value & ~pte::kLargeFrame));
    } else {
        leaf_at = (pde & pte::kFrame) + (((address.value >> 12) & 0x3FFu) << 2);
        t.leaf = detail::read_entry(ram, ram_size, leaf_at);
        if (!(t.leaf & pte::P)) return Fault::pf(who, address.value);
        rights &= t.leaf;
        t.physical = gpa((t.leaf & pte::kFrame) | address.offset());
    }

    t.rw = rights & pte::RW;
    t.user = rights & pte::US;
    // A supervisor write ignores R/W unless CR0.WP is set, SDM Vol. 3A, section 4.6.1.
    t.writable = t.rw || (!access.user && !(cpu.cr0 & cr0::WP));
    if ((access.user && !t.user) || (access.write && !t.writable))
        return Fault::pf(who | pf_error::P, address.value);

    if (set_bits) {
        if (!t.large && !(pde & pte::A)) detail::set_entry_bits(ram, ram_size, pde_at, pte::A);
        const std::uint32_t wanted = pte::A | (access.write ? pte::D : 0u);
        if ((t.leaf & wanted) != wanted) {
            detail::set_entry_bits(ram, ram_size, leaf_at, wanted);
            t.leaf |= wanted;
        }
    }
    t.dirty = t.leaf & pte::D;
    t.global = (t.leaf & pte::G) && (cpu.cr4 & cr4::PGE);
    return t;
}

}  // namespace ringpress
