// Probes of what the host's kernel grants to an ordinary process.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "monitor/doctor_child.hpp"
#include "monitor/doctor_compat.hpp"
#include "monitor/doctor_probes.hpp"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_ON 1
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

namespace ringpress {
namespace {

constexpr std::uint64_t kFourGiB = 1ull << 32;

/// True if [from, to) can be mapped; errno tells why not.
bool can_map(std::uint64_t from, std::uint64_t to) {
    void* const wanted = reinterpret_cast<void*>(from);
    void* const got = mmap(wanted, to - from, PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (got == MAP_FAILED) return false;
    munmap(got, to - from);
    return got == wanted;
}

/// mov $20,%eax (getpid); int $0x80; int3
const std::vector<std::uint8_t> kInt80 = {0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0xCC};

}  // namespace

Finding probe_low_memory() {
    Finding f{"low_memory", "the low 4 GiB for the guest (vm.mmap_min_addr)", "", HostVerdict::ok, "", true};
    const ProbeAnswer answer = in_child([](ProbeAnswer& a) {
        // The guest process gives up what root may do before it maps anything.
        [[maybe_unused]] const int given_up = unshare(CLONE_NEWUSER);
        constexpr std::uint64_t kHighestFloor = 1u << 20;
        std::uint64_t floor = 0;
        while (floor <= kHighestFloor && !can_map(floor, floor + 4096)) floor += 4096;
        a.values[0] = static_cast<std::int64_t>(floor);
        a.values[1] = can_map(floor, kFourGiB);
        a.error = a.values[1] ? 0 : errno;
    });
    if (!answer.finished || !answer.values[1]) {
        f.verdict = HostVerdict::missing;
        f.finding = failure(answer);
        f.cost = "no guest can run; try ulimit -v unlimited";
    } else if (answer.values[0] == 0) {
        f.finding = "all of it, from address 0";
    } else {
        f.finding = fmt::format("all of it from {:#x}", answer.values[0]);
        f.verdict = HostVerdict::slower;
        f.cost = "guest code below that address is interpreted; data there is not concerned";
    }
    return f;
}

Finding probe_mapping_limit() {
    Finding f{"max_map_count", "mappings per process (vm.max_map_count)", "", HostVerdict::ok, "", false};
    constexpr std::int64_t kEnough = 65000, kMost = 262144;
    const ProbeAnswer answer = in_child([](ProbeAnswer& a) {
        // Every other page with another protection: each page is a mapping of its own.
        constexpr std::size_t kBytes = static_cast<std::size_t>(kMost) * 4096;
        auto* base = static_cast<char*>(
            mmap(nullptr, kBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
        if (base == MAP_FAILED) {
            a.error = errno;
            return;
        }
        std::int64_t pages = 1;
        while (pages < kMost && mprotect(base + pages * 4096, 4096, PROT_READ) == 0) pages += 2;
        a.values[0] = pages;
    });
    const std::int64_t pages = answer.values[0];
    f.finding = !answer.finished || answer.error != 0 ? failure(answer)
                : pages >= kMost                      ? fmt::format("more than {}", kMost)
                                                      : fmt::format("about {}", pages);
    if (pages < kEnough) {
        f.verdict = HostVerdict::slower;
        f.cost = "guests with scattered memory flush their shadow pages more often";
    }
    return f;
}

Finding probe_seccomp() {
    Finding f{"seccomp", "system call filter (seccomp)", "", HostVerdict::ok, "", true};
    const ProbeAnswer answer = in_child([](ProbeAnswer& a) {
        CompatCode code;
        // Trap every i386 call, as the fence does: load arch; equal to i386? trap : allow.
        sock_filter program[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_I386, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        const sock_fprog filter{std::size(program), program};
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
            a.error = errno;
            return;
        }
        const CompatOutcome o = code.run(kInt80);
        // Without 32-bit system calls in the host, int 0x80 is a fault, which serves as well.
        a.values[0] = o.signal == SIGSYS || o.signal == SIGSEGV;
        a.values[1] = o.signal;
    });
    if (answer.finished && answer.values[0]) {
        f.finding = answer.values[1] == SIGSYS ? "works; int 0x80 can be caught by it"
                                               : "works; int 0x80 faults by itself";
    } else {
        f.verdict = HostVerdict::missing;
        f.finding =
            answer.finished && answer.error == 0 ? "installed, but lets int 0x80 through" : failure(answer);
        f.cost = "no guest can run: nothing would keep a hostile one from the host's system calls";
    }
    return f;
}

Finding probe_syscall_dispatch() {
    Finding f{"syscall_dispatch", "syscall user dispatch", "", HostVerdict::ok, "", false};
    const ProbeAnswer answer = in_child([](ProbeAnswer& a) {
        CompatCode code;
        // Calls from above 4 GiB are let through, all others are SIGSYS while the selector says block.
        static volatile char selector = 0;
        constexpr char kBlock = 1;
        if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, kFourGiB, (1ull << 47) - kFourGiB,
                  &selector) != 0) {
            a.error = errno;
            return;
        }
        selector = kBlock;
        a.values[0] = code.run(kInt80).signal == SIGSYS;
        selector = 0;
    });
    if (answer.finished && answer.values[0]) {
        f.finding = "catches int 0x80";
    } else {
        f.verdict = HostVerdict::slower;
        f.finding = answer.finished && answer.error == 0 ? "does not catch int 0x80" : failure(answer);
        f.cost = "with --user-code direct, system calls of guest programs are caught by seccomp instead";
    }
    return f;
}

Finding probe_ptrace() {
    Finding f{"ptrace", "tracing our own child (ptrace)", "", HostVerdict::ok, "", false};
    const ProbeAnswer answer = in_child([](ProbeAnswer& a) {
        const pid_t tracee = fork();
        if (tracee == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;) pause();
        }
        a.values[0] = ptrace(PTRACE_SEIZE, tracee, 0, 0) == 0;
        a.error = a.values[0] ? 0 : errno;
        kill(tracee, SIGKILL);
        waitpid(tracee, nullptr, 0);
    });
    if (answer.finished && answer.values[0]) {
        f.finding = "permitted";
    } else {
        f.verdict = HostVerdict::slower;
        f.finding = failure(answer);
        f.cost =
            "--engine ptrace and debugging do not work (see kernel.yama.ptrace_scope); --engine seccomp does";
    }
    return f;
}

Finding probe_user_namespaces() {
    Finding f{"user_namespaces", "namespaces without privileges", "", HostVerdict::ok, "", false};
    const ProbeAnswer answer = in_child([](ProbeAnswer& a) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS) != 0) {
            a.error = errno;
        }
    });
    if (answer.finished && answer.error == 0) {
        f.finding = "permitted";
    } else {
        f.verdict = HostVerdict::slower;
        f.finding = failure(answer);
        f.cost =
            "the guest process stays in the host's namespaces: one layer less around it, seccomp still holds";
    }
    return f;
}

Finding probe_memfd() {
    Finding f{"memfd", "guest memory (memfd_create)", "", HostVerdict::ok, "", true};
    const ProbeAnswer answer = in_child([](ProbeAnswer& a) {
        constexpr std::size_t kLargest = 2ull << 30;
        const int fd = memfd_create("ringpress-doctor", MFD_CLOEXEC);
        if (fd < 0 || ftruncate(fd, kLargest) != 0) {
            a.error = errno;
            return;
        }
        void* at =
            mmap(nullptr, kLargest, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED | MAP_NORESERVE, fd, 0);
        a.error = at == MAP_FAILED ? errno : 0;
    });
    if (answer.finished && answer.error == 0) {
        f.finding = "works, executable, up to 2 GiB";
    } else {
        f.verdict = HostVerdict::missing;
        f.finding = failure(answer);
        f.cost = "no guest can run; see ulimit -v, ulimit -f and vm.memfd_noexec";
    }
    return f;
}

Finding probe_pidfd() {
    Finding f{"pidfd", "process descriptors (pidfd_open)", "", HostVerdict::ok, "", true};
    const ProbeAnswer answer = in_child([](ProbeAnswer& a) {
        const long fd = syscall(SYS_pidfd_open, getpid(), 0);
        a.error = fd < 0 ? errno : 0;
    });
    if (answer.finished && answer.error == 0) {
        f.finding = "works";
    } else {
        f.verdict = HostVerdict::missing;
        f.finding = failure(answer);
        f.cost = "no guest can run; the host needs Linux 5.9 or later";
    }
    return f;
}

}  // namespace ringpress
