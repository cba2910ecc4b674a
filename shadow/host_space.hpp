// The host side of the shadows: what must be mapped and loaded in the guest process.
//
// Nothing is returned: an operation either works or is a monitor bug (the arguments are the monitor's own).
// The seccomp engine makes the system calls in place; the ptrace engine collects them and has a stub in the
// guest process make them just before the guest resumes.
#pragma once

#include <cstdint>

#include "shadow/address.hpp"

namespace ringpress {

/// A host descriptor in the terms of modify_ldt(2).
struct HostDescriptor {
    std::uint32_t base = 0;
    std::uint32_t limit = 0;  ///< in bytes, or in pages with `in_pages`
    bool in_pages = false;
    bool big = true;  ///< D/B
    bool code = false;
    bool expand_down = false;
    bool read_only = false;  ///< data: not writable; code: not readable
    bool operator==(const HostDescriptor&) const = default;
};

class HostSpace {
  public:
    virtual ~HostSpace() = default;
    /// Guest RAM at a linear address, shared; replaces what was there.  `from` is an offset in bytes into the
    /// file of RAM: a guest-physical address, unless that page was gathered (gathered_frames.hpp).
    virtual void map_ram(gva at, std::uint32_t from, std::uint32_t bytes, bool writable, bool executable,
                         bool populate) = 0;
    /// The monitor's own mapping of RAM shows at this page what lies at `from` in the file.
    virtual void show_ram(gpa page, std::uint32_t from) = 0;
    /// Pages of the code-view file, readable and executable, never writable.
    virtual void map_view(gva at, std::uint32_t first_slot, std::uint32_t pages) = 0;
    /// The page of slot kBounceSlot in the same file, readable and writable, never executable.
    virtual void map_bounce(gva at) = 0;
    /// Two pages where nothing may be accessed; replaces what was there.
    virtual void map_anchor(gva at) = 0;
    virtual void protect_ram(gva at, std::uint32_t bytes, bool writable) = 0;
    /// bytes may be 4 GiB.
    virtual void unmap(gva at, std::uint64_t bytes) = 0;
    virtual void load_descriptor(unsigned slot, const HostDescriptor& descriptor) = 0;
};

}  // namespace ringpress
