#include "monitor/seccomp_filter.hpp"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "monitor/core_syscalls.hpp"
#include "monitor/host_call.hpp"

namespace ringpress {

namespace {

/// Builds a classic BPF program of rules `number + address + argument conditions -> allow`, in the order
/// added. Jumps inside a rule go to its end, so each rule is assembled on its own.
class Filter {
  public:
    Filter() {
        load(offsetof(seccomp_data, arch));
        // A 32-bit call is the guest's own int 0x80, from a place that was not rewritten: the core handles
        // it.
        code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_I386, 0, 1));
        code_.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP));
        code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
        code_.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
    }

    void begin(long number, const void* address) {
        require_equal(offsetof(seccomp_data, nr), static_cast<std::uint32_t>(number));
        require64(offsetof(seccomp_data, instruction_pointer), reinterpret_cast<std::uint64_t>(address));
    }
    void require_argument(unsigned n, std::uint64_t value) { require64(argument(n), value); }
    void require_argument_one_of(unsigned n, const std::vector<std::uint32_t>& values) {
        require_equal(argument(n) + 4, 0);
        load(argument(n));
        for (std::size_t i = 0; i < values.size(); ++i) {
            const auto behind = static_cast<std::uint8_t>(values.size() - 1 - i);
            if (i + 1 < values.size())
                code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, values[i], behind, 0));
            else
                fail_unless_equal(values[i]);
        }
    }
    /// arg[n] and arg[n] + arg[m] must lie in the low 4 GiB.  (The kernel rounds lengths up to whole pages
    /// and refuses addresses that are not at one, so what ends below 4 GiB here does so there.)
    void require_low_range(unsigned n, unsigned m) {
        require_equal(argument(n) + 4, 0);
        require_equal(argument(m) + 4, 0);
        // start + length must not wrap, but for exactly 4 GiB: start + (length - 1) >= start.
        load(argument(m));
        code_.push_back(BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 1));
        code_.push_back(BPF_STMT(BPF_MISC | BPF_TAX, 0));
        load(argument(n));
        code_.push_back(BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0));
        code_.push_back(BPF_STMT(BPF_MISC | BPF_TAX, 0));
        load(argument(n));
        // A = start, X = last byte: fails if start > last.
        fixups_.push_back(code_.size());
        code_.push_back(BPF_JUMP(BPF_JMP | BPF_JGT | BPF_X, 0, 0xFF, 0));
    }
    /// arg[n] must lie in [first, last], which agree in their upper halves.
    void require_between(unsigned n, std::uint64_t first, std::uint64_t last) {
        require_equal(argument(n) + 4, static_cast<std::uint32_t>(first >> 32));
        load(argument(n));
        fixups_.push_back(code_.size());
        code_.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, static_cast<std::uint32_t>(first), 0, 0xFF));
        fixups_.push_back(code_.size());
        code_.push_back(BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, static_cast<std::uint32_t>(last), 0xFF, 0));
    }
    void allow() {
        code_.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
        for (const std::size_t at : fixups_) {
            sock_filter& jump = code_[at];
            const auto distance = static_cast<std::uint8_t>(code_.size() - at - 1);
            if (BPF_OP(jump.code) == BPF_JGT)
                jump.jt = distance;
            else
                jump.jf = distance;
        }
        fixups_.clear();
    }
    std::vector<sock_filter> finish() {
        code_.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
        return code_;
    }

  private:
    static std::uint32_t argument(unsigned n) {
        return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + n * sizeof(std::uint64_t));
    }
    void load(std::size_t offset) {
        code_.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)));
    }
    void fail_unless_equal(std::uint32_t value) {
        fixups_.push_back(code_.size());
        code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 0xFF));
    }
    void require_equal(std::size_t offset, std::uint32_t value) {
        load(offset);
        fail_unless_equal(value);
    }
    void require64(std::size_t offset, std::uint64_t value) {
        require_equal(offset, static_cast<std::uint32_t>(value));
        require_equal(offset + 4, static_cast<std::uint32_t>(value >> 32));
    }

    std::vector<sock_filter> code_;
    std::vector<std::size_t> fixups_;
};

}  // namespace

void install_fence(const FenceConfig& config) {
    Filter f;
    // In the order of how often they are called.
    f.begin(SYS_rt_sigreturn, core_rt_sigreturn_end);
    f.allow();

    constexpr std::uint32_t kFlags = MAP_SHARED | MAP_FIXED;
    f.begin(SYS_mmap, core_mmap_end);  // guest RAM: data
    f.require_low_range(0, 1);
    f.require_argument(4, static_cast<std::uint64_t>(config.ram_fd));
    f.require_argument_one_of(3, {kFlags, kFlags | MAP_POPULATE});
    if (config.executable_ram)
        f.require_argument_one_of(2, {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC});
    else
        f.require_argument_one_of(2, {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE});
    f.allow();
    f.begin(SYS_mmap, core_mmap_end);  // code views: executable, never writable
    f.require_low_range(0, 1);
    f.require_argument(4, static_cast<std::uint64_t>(config.view_fd));
    f.require_argument_one_of(3, {kFlags, kFlags | MAP_POPULATE});
    f.require_argument(2, PROT_READ | PROT_EXEC);
    f.allow();
    f.begin(SYS_mmap, core_mmap_end);  // of the same file the one page that holds no code: data
    f.require_low_range(0, 1);
    f.require_argument(1, kPageSize);
    f.require_argument(4, static_cast<std::uint64_t>(config.view_fd));
    f.require_argument(3, kFlags | MAP_POPULATE);
    f.require_argument(2, PROT_READ | PROT_WRITE);
    f.require_argument(5, std::uint64_t{kBounceSlot} << kPageShift);
    f.allow();

    // In the monitor's own mapping of RAM one page in place of another, by halves that a filter can compare.
    const auto ram = reinterpret_cast<std::uint64_t>(config.ram.data()), end = ram + config.ram.size();
    for (std::uint64_t first = ram; first < end;) {
        const std::uint64_t last = std::min(first | 0xFFFFFFFF, end - 1);
        f.begin(SYS_mmap, core_mmap_end);
        f.require_between(0, first, last);
        f.require_argument(1, kPageSize);
        f.require_argument(2, PROT_READ | PROT_WRITE);
        f.require_argument(3, kFlags);
        f.require_argument(4, static_cast<std::uint64_t>(config.ram_fd));
        f.allow();
        first = last + 1;
    }

    f.begin(SYS_munmap, core_munmap_end);
    f.require_low_range(0, 1);
    f.allow();
    f.begin(SYS_munmap, core_munmap_end);  // everything at once
    f.require_argument(0, 0);
    f.require_argument(1, 1ull << 32);
    f.allow();
    f.begin(SYS_mprotect, core_mprotect_end);
    f.require_low_range(0, 1);
    f.require_argument_one_of(2, {PROT_READ, PROT_READ | PROT_WRITE});
    f.allow();
    f.begin(SYS_timer_settime, core_timer_settime_end);
    f.require_argument(1, 0);  // no flags: relative times
    f.require_argument(3, 0);  // the old setting is not asked for
    f.allow();
    f.begin(SYS_modify_ldt, core_modify_ldt_end);
    f.require_argument(0, kWriteLdt);
    f.require_argument(2, sizeof(user_desc));
    f.allow();
    if (config.doorbell) {
        f.begin(SYS_futex, core_futex_end);
        f.require_argument(0, reinterpret_cast<std::uint64_t>(config.doorbell));
        f.require_argument(1, FUTEX_WAIT);
        f.allow();
        // A wait with a timeout that a stop or the freezer (suspend to RAM, a paused container) interrupts:
        // the kernel itself makes the process call this from the same instruction, to wait for what is left.
        f.begin(SYS_restart_syscall, core_futex_end);
        f.allow();
    }
    if (config.notify_fd >= 0) {
        f.begin(SYS_write, core_write_end);
        f.require_argument(0, static_cast<std::uint64_t>(config.notify_fd));
        f.require_argument(2, sizeof(std::uint64_t));
        f.allow();
    }
    f.begin(SYS_clock_gettime, core_clock_gettime_end);
    f.require_argument(0, CLOCK_MONOTONIC);  // other clocks tell of other processes
    f.allow();

    std::vector<sock_filter> code = f.finish();
    const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
        throw std::runtime_error(std::string("the host refuses a seccomp filter: ") + std::strerror(errno));
}

}  // namespace ringpress
