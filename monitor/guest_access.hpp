// How tools of the supervisor look at a guest: its virtual CPU, and its memory by physical or by
// guest-virtual address.
//
// The guest process may write anything into the arena and into RAM, at any moment.  So the CPU is handed out
// as a copy in which everything that could be taken for an index or an enumerator is in range, and a page
// walk is one over tables that may hold any bits.  Looking changes nothing: no Accessed or Dirty bit, no
// fault.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "monitor/arena.hpp"
#include "shadow/page_walk.hpp"

namespace ringpress {

/// A copy of the virtual CPU that is safe to use: see above.
VCpu bounded_copy(const VCpu& cpu);

class GuestAccess {
  public:
    /// ram: guest-physical [0, size), a multiple of 4 KiB.
    GuestAccess(const Arena& arena, std::span<std::uint8_t> ram) : arena_(arena), ram_(ram) {}

    /// The virtual CPU as it is in the arena; while the guest runs, as it was at the last trap.
    VCpu cpu() const { return bounded_copy(arena_.cpu); }
    std::span<std::uint8_t> ram() const { return ram_; }

    /// What the guest's tables say about an address for an access of the kernel's; nothing if it is not
    /// mapped.
    std::optional<Translation> translate(gva address) const { return translate(cpu(), address); }
    std::optional<Translation> translate(const VCpu& cpu, gva address) const;

    /// Both return how many bytes there were from `address` on, before the first that is not RAM (or not
    /// mapped): 0 to `bytes`.
    std::size_t read(gpa address, void* into, std::size_t bytes) const;
    std::size_t read(gva address, void* into, std::size_t bytes) const;

    /// The same for writing; write protection does not count.  Pages that were written are told to the
    /// listener, since code views of them have become untrue.
    std::size_t write(gpa address, const void* from, std::size_t bytes);
    std::size_t write(gva address, const void* from, std::size_t bytes);
    void on_write(std::function<void(gpa page)> listener) { written_ = std::move(listener); }

  private:
    template <class Move>
    std::size_t over_pages(gva address, std::size_t bytes, Move move) const;

    const Arena& arena_;
    std::span<std::uint8_t> ram_;
    std::function<void(gpa)> written_;
};

}  // namespace ringpress
