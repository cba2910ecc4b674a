#include "monitor/host_space_direct.hpp"

#include "monitor/core_syscalls.hpp"
#include "monitor/host_call.hpp"
#include "shadow/check.hpp"

namespace ringpress {

namespace {
void map(const MapCall& c) {
    const long result = core_mmap(c.address, c.length, c.protection, c.flags, c.fd, c.offset);
    CHECK(result == static_cast<long>(c.address));
}
}  // namespace

void HostSpaceDirect::map_ram(gva at, std::uint32_t from, std::uint32_t bytes, bool writable, bool executable,
                              bool populate) {
    map(ram_call(at, from, bytes, writable, executable, populate, ram_fd_));
}
void HostSpaceDirect::show_ram(gpa page, std::uint32_t from) {
    map(show_call(ram_, page, from, ram_fd_));
}
void HostSpaceDirect::map_view(gva at, std::uint32_t first_slot, std::uint32_t pages) {
    map(view_call(at, first_slot, pages, view_fd_));
}
void HostSpaceDirect::map_bounce(gva at) {
    map(bounce_call(at, view_fd_));
}
void HostSpaceDirect::map_anchor(gva at) {
    map(anchor_call(at, ram_fd_));
}
void HostSpaceDirect::protect_ram(gva at, std::uint32_t bytes, bool writable) {
    CHECK(core_mprotect(at.value, bytes, PROT_READ | (writable ? PROT_WRITE : 0)) == 0);
}
void HostSpaceDirect::unmap(gva at, std::uint64_t bytes) {
    CHECK(core_munmap(at.value, bytes) == 0);
}
void HostSpaceDirect::load_descriptor(unsigned slot, const HostDescriptor& descriptor) {
    const user_desc entry = ldt_call(slot, descriptor);
    CHECK(core_modify_ldt(kWriteLdt, &entry, sizeof entry) >= 0);
}

}  // namespace ringpress
