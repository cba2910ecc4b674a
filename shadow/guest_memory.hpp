// The guest's physical memory and the guest-virtual accesses that emulation makes.
//
// RAM is one shared mapping, [0, size).  Physical addresses above it that no device claims read as ones and
// ignore writes.  Emulated accesses walk the guest's own page tables (setting Accessed and Dirty) and drop
// the code view of every page that they write.
#pragma once

#include <cstdint>
#include <cstring>

#include "shadow/address.hpp"
#include "shadow/debug_points.hpp"
#include "shadow/fault.hpp"
#include "shadow/page_walk.hpp"
#include "shadow/vcpu.hpp"

namespace ringpress {

/// Memory-mapped devices, as far as emulated accesses need them.  Implemented by the device bus.
class MmioBus {
  public:
    virtual ~MmioBus() = default;
    /// True if a device answers at this page; such pages are never mapped into the guest.
    virtual bool claims(gpa page) const = 0;
    /// width is 1, 2 or 4 bytes.
    virtual std::uint32_t mmio_read(gpa address, unsigned width) = 0;
    virtual void mmio_write(gpa address, unsigned width, std::uint32_t value) = 0;
};

/// Told about every write that emulation makes to RAM, before the guest runs again.
class WriteObserver {
  public:
    virtual ~WriteObserver() = default;
    virtual void ram_written(gpa page) = 0;
};

class GuestMemory {
  public:
    /// ram: a mapping of `size` bytes (a multiple of 4 KiB).  The observer and the bus may be null (tests).
    GuestMemory(VCpu& cpu, std::uint8_t* ram, std::uint32_t size, MmioBus* mmio, WriteObserver* observer)
        : cpu_(cpu), ram_(ram), size_(size), mmio_(mmio), observer_(observer) {}

    /// Accesses from here on are compared with the debugger's watchpoints, once they are sure to succeed.
    void watch(DebugWatch& debug) { debug_ = &debug; }

    std::uint8_t* ram() const { return ram_; }
    std::uint32_t size() const { return size_; }
    bool is_ram(gpa a) const { return a.value < size_; }
    bool is_mmio(gpa a) const { return mmio_ && mmio_->claims(a); }

    /// Linear to physical through the guest's tables, or the #PF that the access causes.
    /// Sets Accessed, and Dirty for writes.  Source: SDM Vol. 3A, sections 4.3 and 4.6.
    Result<gpa> translate(gva address, Access access);

    /// width bytes (1, 2 or 4), little endian; an access may straddle two pages.
    /// A store that would fault changes nothing.
    Result<std::uint32_t> read(gva address, unsigned width, Access access);
    Result<void> write(gva address, unsigned width, std::uint32_t value, Access access);

    /// Any length; used for descriptors, instruction bytes and the debugger.
    Result<void> read_bytes(gva address, void* into, std::size_t length, Access access);

    /// The host address of `length` bytes of guest-virtual memory, for many small accesses at the price of
    /// one walk; nullptr if they do not lie in one page of plain RAM (then use read() and write()), or the
    /// #PF. With a store access the page counts as written at once.  Do not keep the pointer.
    Result<std::uint8_t*> span(gva address, std::uint32_t length, Access access);

    std::uint32_t read_physical(gpa address, unsigned width);
    void write_physical(gpa address, unsigned width, std::uint32_t value);

  private:
    /// Neither a device nor beyond the end of RAM.
    bool plain(gpa a) const { return is_ram(a) && !is_mmio(a.page_base()); }

    void touched(gva address, std::uint32_t bytes, Access access) {
        if (debug_ && debug_->points.watchpoints && !access.fetch) [[unlikely]]
            debug_->touched(address, bytes, access.write);
    }

    DebugWatch* debug_ = nullptr;
    VCpu& cpu_;
    std::uint8_t* ram_;
    std::uint32_t size_;
    MmioBus* mmio_;
    WriteObserver* observer_;
};

}  // namespace ringpress
