// The fence's first layer: what the guest process may ask of the host kernel.
#pragma once

#include <cstdint>
#include <span>

namespace ringpress {

struct FenceConfig {
    int ram_fd = -1;
    int view_fd = -1;
    int notify_fd = -1;              ///< eventfd towards the supervisor; -1: no writing at all
    const void* doorbell = nullptr;  ///< the only futex word; null: no waiting at all
    bool executable_ram = false;     ///< --user-code direct: RAM may be mapped executable, never with write
    std::span<std::uint8_t>
        ram{};  ///< the process' own mapping of ram_fd, where pages of it may trade places
};

/// Gives up every privilege (no_new_privs) and installs the filter for good.  Called in the guest process as
/// its last act before the guest.  Throws std::runtime_error if the host refuses.
///
/// Default: the process is killed.  Allowed: the calls of core_syscalls.S, each from its own address only and
/// with all 64 bits of every argument that matters compared: mmap of the guest's two files, below 4 GiB,
/// shared and fixed, never writable and executable at once; of ram_fd also single pages in the place of
/// others in `ram`, writable; munmap and mprotect to the low 4 GiB, mprotect never to executable; writing a
/// local descriptor; waiting for the doorbell; eight bytes to notify_fd; a relative timer; the monotonic
/// clock; rt_sigreturn, which changes registers but not what the filter compares. 32-bit calls (`int 0x80`)
/// are handed to the core as a trap.
void install_fence(const FenceConfig& config);

}  // namespace ringpress
