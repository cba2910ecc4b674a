// The system calls behind HostSpace as data: made in place, or collected and made by the stub of the ptrace
// engine.
#pragma once

#include <asm/ldt.h>
#include <sys/mman.h>

#include <cstdint>

#include "shadow/host_space.hpp"
#include "shadow/shadow_state.hpp"

namespace ringpress {

struct MapCall {
    std::uint64_t address, length;
    std::int32_t protection, flags, fd;
    std::uint64_t offset;
};

inline MapCall ram_call(gva at, std::uint32_t from, std::uint32_t bytes, bool writable, bool executable,
                        bool populate, int fd) {
    return {at.value,
            bytes,
            PROT_READ | (writable ? PROT_WRITE : 0) | (executable && !writable ? PROT_EXEC : 0),
            MAP_SHARED | MAP_FIXED | (populate ? MAP_POPULATE : 0),
            fd,
            from};
}
/// Of the monitor's own mapping of RAM, which begins at `ram`.
inline MapCall show_call(std::uint8_t* ram, gpa page, std::uint32_t from, int fd) {
    return {reinterpret_cast<std::uint64_t>(ram) + page.value,
            kPageSize,
            PROT_READ | PROT_WRITE,
            MAP_SHARED | MAP_FIXED,
            fd,
            from};
}
inline MapCall view_call(gva at, std::uint32_t first_slot, std::uint32_t pages, int fd) {
    return {at.value,
            std::uint64_t{pages} << kPageShift,
            PROT_READ | PROT_EXEC,
            MAP_SHARED | MAP_FIXED | (pages == 1 ? MAP_POPULATE : 0),
            fd,
            std::uint64_t{first_slot} << kPageShift};
}
inline MapCall bounce_call(gva at, int fd) {
    MapCall call = view_call(at, kBounceSlot, 1, fd);
    call.protection = PROT_READ | PROT_WRITE;
    return call;
}
inline MapCall anchor_call(gva at, int fd) {
    return {at.value, 2 * kPageSize, PROT_NONE, MAP_SHARED | MAP_FIXED, fd, 0};
}
inline user_desc ldt_call(unsigned slot, const HostDescriptor& d) {
    user_desc u{};
    u.entry_number = slot;
    u.base_addr = d.base;
    u.limit = d.limit;
    u.seg_32bit = d.big;
    u.contents = d.code          ? MODIFY_LDT_CONTENTS_CODE
                 : d.expand_down ? MODIFY_LDT_CONTENTS_STACK
                                 : MODIFY_LDT_CONTENTS_DATA;
    u.read_exec_only = d.read_only;
    u.limit_in_pages = d.in_pages;
    u.useable = 1;
    return u;
}
/// modify_ldt(2): write an entry in the new format.
inline constexpr long kWriteLdt = 0x11;

}  // namespace ringpress
