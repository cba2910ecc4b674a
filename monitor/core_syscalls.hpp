// C++ side of core_syscalls.S: raw system calls, each at an address the seccomp filter knows.
// Results are the kernel's: negative error numbers, not errno.
#pragma once

#include <cstdint>

extern "C" {
long core_mmap(std::uint64_t address, std::uint64_t length, long prot, long flags, long fd,
               std::uint64_t offset);
long core_munmap(std::uint64_t address, std::uint64_t length);
long core_mprotect(std::uint64_t address, std::uint64_t length, long prot);
long core_futex(const void* word, long op, std::uint32_t value, const void* timeout);
long core_modify_ldt(long function, const void* descriptor, std::uint64_t bytes);
long core_timer_settime(long timer, long flags, const void* value, void* old);
long core_clock_gettime(long clock, void* time);
long core_write(long fd, const void* bytes, std::uint64_t count);
void core_rt_sigreturn();

// The address behind each syscall instruction: what seccomp sees as instruction pointer.
extern const char core_mmap_end[], core_munmap_end[], core_mprotect_end[], core_futex_end[],
    core_modify_ldt_end[], core_timer_settime_end[], core_clock_gettime_end[], core_write_end[],
    core_rt_sigreturn_end[];
}
