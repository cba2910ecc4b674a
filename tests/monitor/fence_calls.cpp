// The fence's first layer: every system call that guest code could try after it has broken out, and every
// call of the core's own with arguments that the core never uses.  Each in a child of its own, because most
// of them die.
#include <asm/ldt.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <time.h>
#include <ucontext.h>

#include <cstring>
#include <random>
#include <vector>

#include "fence_child.hpp"
#include "monitor/host_call.hpp"
#include "monitor/host_clock.hpp"

using namespace ringpress;
using test::FenceChild;
using test::kKilled;
using test::Outcome;
using test::returned;

namespace {

struct Call {
    const void* at;  ///< a syscall instruction with a return behind it
    long number;
    long argument[6];
};
extern "C" long fence_call_at(const Call* call);
extern "C" long fence_call_i386(long number);
extern "C" const char fence_ordinary[];

// fence_call_at: loads the registers of a Call and calls the instruction.  fence_call_i386: the same number
// through int 0x80.
asm(R"(
    .text
fence_call_at:
    push %rbx
    mov %rdi, %rbx
    mov 8(%rbx), %rax
    mov 16(%rbx), %rdi
    mov 24(%rbx), %rsi
    mov 32(%rbx), %rdx
    mov 40(%rbx), %r10
    mov 48(%rbx), %r8
    mov 56(%rbx), %r9
    call *(%rbx)
    pop %rbx
    ret
fence_ordinary:
    syscall
    ret
fence_call_i386:
    push %rbx
    mov %rdi, %rax
    xor %ebx, %ebx
    xor %ecx, %ecx
    xor %edx, %edx
    int $0x80
    pop %rbx
    ret
)");

constexpr long kPage = 4096, kLow = 0x2000'0000, kHigh = 1ll << 32;
constexpr long kFixed = MAP_SHARED | MAP_FIXED;

/// The core's call sites, by the address behind the instruction.
struct Site {
    const char* name;
    const char* end;
    long number;
};
const Site kSites[] = {
    {"mmap", core_mmap_end, SYS_mmap},
    {"munmap", core_munmap_end, SYS_munmap},
    {"mprotect", core_mprotect_end, SYS_mprotect},
    {"futex", core_futex_end, SYS_futex},
    {"modify_ldt", core_modify_ldt_end, SYS_modify_ldt},
    {"timer_settime", core_timer_settime_end, SYS_timer_settime},
    {"clock_gettime", core_clock_gettime_end, SYS_clock_gettime},
    {"write", core_write_end, SYS_write},
    {"rt_sigreturn", core_rt_sigreturn_end, SYS_rt_sigreturn},
};
/// The syscall instruction (0F 05) that ends at a label of core_syscalls.S.  Through an integer: to the
/// compiler the label is an object of its own, with nothing in front of it.
const char* instruction_before(const char* end) {
    std::uintptr_t at = reinterpret_cast<std::uintptr_t>(end);
    asm("" : "+r"(at));
    return reinterpret_cast<const char*>(at - 2);
}

/// A syscall instruction of the vDSO: its functions fall back to the real call.  Null if it has none.
const void* vdso_gadget() {
    const auto* base = reinterpret_cast<const std::uint8_t*>(getauxval(AT_SYSINFO_EHDR));
    if (!base) return nullptr;
    Elf64_Ehdr header;
    std::memcpy(&header, base, sizeof header);
    for (unsigned i = 0; i < header.e_phnum; ++i) {
        Elf64_Phdr segment;
        std::memcpy(&segment, base + header.e_phoff + i * header.e_phentsize, sizeof segment);
        if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X)) continue;
        for (std::size_t at = 0; at + 3 <= segment.p_filesz; ++at)
            if (std::memcmp(base + segment.p_vaddr + at, "\x0F\x05", 2) == 0)
                return base + segment.p_vaddr + at;
    }
    return nullptr;
}

long make_call(const void* at, long number) {
    const Call call{at, number, {}};
    return fence_call_at(&call);
}

/// Numbers worth a child of their own from every place: the core's, and the ones that do harm.
std::vector<long> telling_calls() {
    std::vector<long> numbers = {SYS_open,
                                 SYS_openat,
                                 SYS_read,
                                 SYS_execve,
                                 SYS_fork,
                                 SYS_clone,
                                 SYS_kill,
                                 SYS_tgkill,
                                 SYS_ptrace,
                                 SYS_exit,
                                 SYS_exit_group,
                                 SYS_socket,
                                 SYS_prctl,
                                 SYS_seccomp,
                                 SYS_getpid,
                                 SYS_dup,
                                 SYS_process_vm_writev,
                                 SYS_mremap,
                                 SYS_pkey_mprotect,
                                 SYS_rt_sigaction,
                                 SYS_arch_prctl,
                                 SYS_personality,
                                 SYS_restart_syscall};
    for (const Site& site : kSites) numbers.push_back(site.number);
    return numbers;
}

struct Attempt {
    const char* what;
    std::function<long()> make;
};

void all_killed(FenceChild& child, const std::vector<Attempt>& attempts) {
    for (const Attempt& attempt : attempts) {
        INFO(attempt.what);
        CHECK(child.run(attempt.make) == kKilled);
    }
}

volatile sig_atomic_t signalled = 0;
const FenceChild* answering = nullptr;

void set_core_handler(int number, void (*handler)(int, siginfo_t*, void*)) {
    struct {
        void (*handler)(int, siginfo_t*, void*);
        unsigned long flags;
        void (*restorer)();
        std::uint64_t mask;
    } action{handler, SA_SIGINFO | 0x04000000 /* SA_RESTORER */, core_rt_sigreturn, 0};
    syscall(SYS_rt_sigaction, number, &action, nullptr, 8);
}

}  // namespace

TEST_CASE("No 64-bit system call can be made from ordinary code behind the fence") {
    FenceChild child;
    for (long number = 0; number < 470; ++number) {
        INFO("system call " << number);
        const Outcome outcome = child.run([&] { return make_call(fence_ordinary, number); });
        // Two calls that Linux puts into the trampolines of its own probes pass every filter (since 6.11
        // and 6.16); from anywhere else they do nothing, but for a SIGILL or an error.
        constexpr long kUretprobe = 335, kUprobe = 336;
        if (number == kUretprobe && outcome == "ended by signal 4") continue;
        if (number == kUprobe && outcome == returned(-ENXIO)) continue;
        CHECK(outcome == kKilled);
    }
    // The x32 variants, and numbers that no kernel has.
    for (const long number :
         {0x40000000l + SYS_write, 0x40000000l + SYS_mmap, 0x40000000l + 520, -1l, 0x7FFFFFFFl}) {
        INFO("system call " << number);
        CHECK(child.run([&] { return make_call(fence_ordinary, number); }) == kKilled);
    }
}

TEST_CASE("The C library, the vDSO and the vsyscall page are no way around the fence") {
    FenceChild child;
    CHECK(child.run([] { return getppid(); }) == kKilled);
    CHECK(child.run([]() -> long { _exit(0); }) == kKilled);
    CHECK(child.run([] { return syscall(SYS_write, 1, "out", 3); }) == kKilled);
    if (const void* gadget = vdso_gadget()) {
        for (const long number : telling_calls()) {
            INFO("system call " << number << " from the vDSO");
            CHECK(child.run([&] { return make_call(gadget, number); }) == kKilled);
        }
    }
    // vsyscall: emulated by the kernel, which asks the filter; SIGSEGV where the page is switched off.
    const Outcome by_vsyscall = child.run([] {
        const auto time_of_day = reinterpret_cast<long (*)(void*, void*)>(0xFFFFFFFFFF600000);
        return time_of_day(nullptr, nullptr);
    });
    CHECK((by_vsyscall == kKilled || by_vsyscall == "ended by signal 11"));
}

TEST_CASE("Code below 4 GiB can make no system call, not even those that the core makes") {
    FenceChild child;
    const auto plant = [] {
        void* page = mmap(reinterpret_cast<void*>(kLow), kPage, PROT_READ | PROT_WRITE | PROT_EXEC,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        if (page == MAP_FAILED) _exit(99);
        std::memcpy(page, "\x0F\x05\xC3", 3);  // syscall; ret
    };
    for (const long number : telling_calls()) {
        INFO("system call " << number);
        CHECK(child.run([&] { return make_call(reinterpret_cast<void*>(kLow), number); }, plant) == kKilled);
    }
}

TEST_CASE("A call site of the core makes its own call only") {
    FenceChild child;
    for (const Site& site : kSites) {
        for (const long number : telling_calls()) {
            if (number == site.number || (site.number == SYS_futex && number == SYS_restart_syscall))
                continue;
            INFO("system call " << number << " from core_" << site.name);
            CHECK(child.run([&] { return make_call(instruction_before(site.end), number); }) == kKilled);
        }
    }
}

TEST_CASE("The core maps nothing but the guest's two files, below 4 GiB, shared and fixed") {
    FenceChild child;
    const long ram = child.ram.fd(), views = child.views.fd(), other = child.arena.fd();
    constexpr long kReadWrite = PROT_READ | PROT_WRITE, kReadExecute = PROT_READ | PROT_EXEC;
    const auto map = [](long at, long bytes, long prot, long flags, long fd) {
        return [=] {
            return core_mmap(static_cast<std::uint64_t>(at), static_cast<std::uint64_t>(bytes), prot, flags,
                             fd, 0);
        };
    };
    constexpr std::uint64_t kBounce = std::uint64_t{kBounceSlot} * kPage;
    const auto bounce = [=](long bytes, long prot, std::uint64_t offset) {
        return [=] {
            return core_mmap(kLow, static_cast<std::uint64_t>(bytes), prot, kFixed | MAP_POPULATE, views,
                             offset);
        };
    };
    all_killed(
        child,
        {
            {"at 4 GiB", map(kHigh, kPage, kReadWrite, kFixed, ram)},
            {"above 4 GiB, low word low", map(kHigh + kLow, kPage, kReadWrite, kFixed, ram)},
            {"at the top of the address space", map(-kPage, kPage, kReadWrite, kFixed, ram)},
            {"across 4 GiB", map(kHigh - kPage, 2 * kPage, kReadWrite, kFixed, ram)},
            {"across 4 GiB by a byte", map(kHigh - kPage, kPage + 1, kReadWrite, kFixed, ram)},
            {"a length of 4 GiB", map(kLow, kHigh, kReadWrite, kFixed, ram)},
            {"a length above 4 GiB, low word low", map(kLow, kHigh + kPage, kReadWrite, kFixed, ram)},
            {"a negative length", map(kLow, -kPage, kReadWrite, kFixed, ram)},
            {"no length, not at 0", map(kLow, 0, kReadWrite, kFixed, ram)},
            {"a foreign file", map(kLow, kPage, kReadWrite, kFixed, other)},
            {"no file", map(kLow, kPage, kReadWrite, kFixed, -1)},
            {"standard output", map(kLow, kPage, PROT_READ, kFixed, 1)},
            {"RAM by a descriptor with a high word", map(kLow, kPage, kReadWrite, kFixed, ram | kHigh)},
            {"a foreign file with the high word of nothing",
             map(kLow, kPage, kReadWrite, kFixed, other | kHigh)},
            {"private", map(kLow, kPage, kReadWrite, MAP_PRIVATE | MAP_FIXED, ram)},
            {"anonymous", map(kLow, kPage, kReadWrite, kFixed | MAP_ANONYMOUS, ram)},
            {"not fixed", map(kLow, kPage, kReadWrite, MAP_SHARED, ram)},
            {"anywhere", map(0, kPage, kReadWrite, MAP_SHARED, ram)},
            {"locked", map(kLow, kPage, kReadWrite, kFixed | MAP_LOCKED, ram)},
            {"flags with a high word", map(kLow, kPage, kReadWrite, kFixed | kHigh, ram)},
            {"RAM writable and executable", map(kLow, kPage, kReadWrite | PROT_EXEC, kFixed, ram)},
            {"RAM executable", map(kLow, kPage, kReadExecute, kFixed, ram)},
            {"RAM executable, populated", map(kLow, kPage, kReadExecute, kFixed | MAP_POPULATE, ram)},
            {"RAM with a strange protection", map(kLow, kPage, PROT_READ | PROT_GROWSDOWN, kFixed, ram)},
            {"RAM with a protection with a high word", map(kLow, kPage, kReadWrite | kHigh, kFixed, ram)},
            {"a view writable", map(kLow, kPage, kReadWrite, kFixed, views)},
            {"a view writable and executable", map(kLow, kPage, kReadWrite | PROT_EXEC, kFixed, views)},
            {"a view to write and execute only", map(kLow, kPage, PROT_WRITE | PROT_EXEC, kFixed, views)},
            {"the bounce executable, too", bounce(kPage, kReadWrite | PROT_EXEC, kBounce)},
            {"the page behind the bounce writable", bounce(kPage, kReadWrite, kBounce + kPage)},
            {"the bounce and more writable", bounce(2 * kPage, kReadWrite, kBounce)},
            {"a view by a descriptor with a high word",
             map(kLow, kPage, kReadExecute, kFixed, views | kHigh)},
        });
}

TEST_CASE("With direct user code RAM may be executable, but not writable at once") {
    FenceChild child(true);
    const long ram = child.ram.fd();
    const auto map = [&](long prot) {
        return child.run([=] { return core_mmap(kLow, kPage, prot, kFixed, ram, 0); });
    };
    CHECK(map(PROT_READ | PROT_EXEC) == returned(kLow));
    CHECK(map(PROT_READ | PROT_WRITE) == returned(kLow));
    CHECK(map(PROT_READ | PROT_WRITE | PROT_EXEC) == kKilled);
    CHECK(map(PROT_WRITE | PROT_EXEC) == kKilled);
    CHECK(map(PROT_EXEC) == kKilled);
}

TEST_CASE("The core's other calls are killed with arguments that the core never uses") {
    FenceChild child;
    const auto low = [](long n) { return static_cast<std::uint64_t>(n); };
    std::uint32_t word = 0;
    std::uint64_t counter[2] = {1, 1};
    user_desc entry{};
    itimerspec time{}, old_time{};
    timespec now{};
    const long of_this_process = ~static_cast<long>(getpid()) << 3 | 2;  // clock_getcpuclockid(3), by hand
    const void* bell = child.config.doorbell;
    const int out = child.notify.get();
    // A doorbell's low word with another high word must not pass; nothing is mapped there, but the filter is
    // asked.
    const auto* far_bell =
        reinterpret_cast<const void*>(reinterpret_cast<std::uint64_t>(bell) ^ (1ull << 40));
    all_killed(
        child,
        {
            {"mprotect to executable",
             [&] { return core_mprotect(low(kLow), kPage, PROT_READ | PROT_EXEC); }},
            {"mprotect to everything",
             [&] { return core_mprotect(low(kLow), kPage, PROT_READ | PROT_WRITE | PROT_EXEC); }},
            {"mprotect to nothing", [&] { return core_mprotect(low(kLow), kPage, PROT_NONE); }},
            {"mprotect above 4 GiB", [&] { return core_mprotect(low(kHigh), kPage, PROT_READ); }},
            {"mprotect of the core",
             [&] { return core_mprotect(low(reinterpret_cast<long>(&entry) & -kPage), kPage, PROT_READ); }},
            {"mprotect across 4 GiB",
             [&] { return core_mprotect(low(kHigh - kPage), 2 * kPage, PROT_READ); }},
            {"mprotect with a high word", [&] { return core_mprotect(low(kLow), kPage, PROT_READ | kHigh); }},
            {"munmap above 4 GiB", [&] { return core_munmap(low(kHigh), kPage); }},
            {"munmap of the core",
             [&] { return core_munmap(low(reinterpret_cast<long>(&entry) & -kPage), kPage); }},
            {"munmap across 4 GiB", [&] { return core_munmap(low(kHigh - kPage), 2 * kPage); }},
            {"munmap of 4 GiB, not from 0", [&] { return core_munmap(low(kPage), low(kHigh)); }},
            {"munmap of more than 4 GiB", [&] { return core_munmap(0, low(kHigh + kPage)); }},
            {"munmap of everything", [&] { return core_munmap(0, ~std::uint64_t{0}); }},
            {"futex: another word", [&] { return core_futex(&word, FUTEX_WAIT, 1, nullptr); }},
            {"futex: another high word", [&] { return core_futex(far_bell, FUTEX_WAIT, 1, nullptr); }},
            {"futex: wake", [&] { return core_futex(bell, FUTEX_WAKE, 1, nullptr); }},
            {"futex: requeue", [&] { return core_futex(bell, FUTEX_REQUEUE, 1, nullptr); }},
            {"futex: lock", [&] { return core_futex(bell, FUTEX_LOCK_PI, 1, nullptr); }},
            {"futex: private", [&] { return core_futex(bell, FUTEX_WAIT_PRIVATE, 1, nullptr); }},
            {"futex: operation with a high word",
             [&] { return core_futex(bell, FUTEX_WAIT | kHigh, 1, nullptr); }},
            {"write to standard output", [&] { return core_write(1, counter, 8); }},
            {"write to RAM's file", [&] { return core_write(child.ram.fd(), counter, 8); }},
            {"write to nothing", [&] { return core_write(-1, counter, 8); }},
            {"write less", [&] { return core_write(out, counter, 7); }},
            {"write more", [&] { return core_write(out, counter, 16); }},
            {"write much more", [&] { return core_write(out, counter, low(kHigh + 8)); }},
            {"write to a descriptor with a high word", [&] { return core_write(out | kHigh, counter, 8); }},
            {"modify_ldt: read", [&] { return core_modify_ldt(0, &entry, sizeof entry); }},
            {"modify_ldt: old format", [&] { return core_modify_ldt(1, &entry, sizeof entry); }},
            {"modify_ldt: default", [&] { return core_modify_ldt(2, &entry, sizeof entry); }},
            {"modify_ldt: another size", [&] { return core_modify_ldt(kWriteLdt, &entry, 8); }},
            {"modify_ldt: with a high word",
             [&] { return core_modify_ldt(kWriteLdt | kHigh, &entry, sizeof entry); }},
            {"timer: absolute", [&] { return core_timer_settime(0, TIMER_ABSTIME, &time, nullptr); }},
            {"timer: old value", [&] { return core_timer_settime(0, 0, &time, &old_time); }},
            {"clock: real time", [&] { return core_clock_gettime(CLOCK_REALTIME, &now); }},
            {"clock: another process's", [&] { return core_clock_gettime(of_this_process, &now); }},
        });
}

TEST_CASE("Without a doorbell and an event counter there is no waiting and no writing") {
    FenceChild child;
    FenceConfig& config = child.config;
    const FenceConfig all = config;
    // The child would have no way left to answer; it does not get that far.
    config.doorbell = nullptr;
    CHECK(child.run([&] { return core_futex(nullptr, FUTEX_WAIT, 0, nullptr); }) == kKilled);
    CHECK(child.run([&] { return core_futex(all.doorbell, FUTEX_WAIT, 1, nullptr); }) == kKilled);
    CHECK(child.run([&] { return make_call(instruction_before(core_futex_end), SYS_restart_syscall); }) ==
          kKilled);
    config = all;
    config.notify_fd = -1;
    CHECK(child.run([&] { return core_write(-1, "12345678", 8); }) == kKilled);
    CHECK(child.run([&] { return core_write(1, "12345678", 8); }) == kKilled);
}

TEST_CASE("The monitor's own RAM may be mapped anew page by page, from its file, and nothing else up there") {
    FenceChild child;
    const auto own = child.ram.map();
    child.config.ram = {static_cast<std::uint8_t*>(own.get_address()), 4 * kPage};
    const auto at = reinterpret_cast<std::uint64_t>(own.get_address());
    const long ram = child.ram.fd(), views = child.views.fd();
    constexpr long kBoth = PROT_READ | PROT_WRITE;
    const auto maps = [&](std::uint64_t address, long bytes, long protection, long flags, long fd) {
        return child.run([&, address, bytes, protection, flags, fd] {
            const auto mapped = core_mmap(address, bytes, protection, flags, fd, 5 * kPage);
            return mapped - static_cast<long>(address);
        });
    };
    CHECK(maps(at, kPage, kBoth, kFixed, ram) == returned(0));
    CHECK(maps(at + 3 * kPage, kPage, kBoth, kFixed, ram) == returned(0));
    CHECK(maps(at + 4 * kPage, kPage, kBoth, kFixed, ram) == kKilled);
    CHECK(maps(at - kPage, kPage, kBoth, kFixed, ram) == kKilled);
    CHECK(maps(at + (1ull << 32), kPage, kBoth, kFixed, ram) == kKilled);
    CHECK(maps(at - (1ull << 32), kPage, kBoth, kFixed, ram) == kKilled);
    CHECK(maps(at, 2 * kPage, kBoth, kFixed, ram) == kKilled);
    CHECK(maps(at, kPage, PROT_READ, kFixed, ram) == kKilled);
    CHECK(maps(at, kPage, kBoth | PROT_EXEC, kFixed, ram) == kKilled);
    CHECK(maps(at, kPage, PROT_READ | PROT_EXEC, kFixed, views) == kKilled);
    CHECK(maps(at, kPage, kBoth, kFixed, views) == kKilled);
    CHECK(maps(at, kPage, kBoth, MAP_SHARED, ram) == kKilled);
    CHECK(maps(at, kPage, kBoth, kFixed | MAP_ANONYMOUS, ram) == kKilled);
    SECTION("not without any") {
        child.config.ram = {};
        CHECK(maps(at, kPage, kBoth, kFixed, ram) == kKilled);
    }
    SECTION("on both sides of 4 GiB") {
        // Not mapped at all: the host would do it, were there no fence.
        const std::uint64_t middle = (at & ~0xFFFFFFFFull) + (1ull << 32);
        child.config.ram = {reinterpret_cast<std::uint8_t*>(middle - 2 * kPage), 4 * kPage};
        for (const long page : {-2, -1, 0, 1})
            CHECK(maps(middle + static_cast<std::uint64_t>(page * kPage), kPage, kBoth, kFixed, ram) !=
                  kKilled);
        for (const long page : {-3, 2})
            CHECK(maps(middle + static_cast<std::uint64_t>(page * kPage), kPage, kBoth, kFixed, ram) ==
                  kKilled);
    }
}

TEST_CASE("What the core does with memory passes the fence") {
    FenceChild child;
    const long ram = child.ram.fd(), views = child.views.fd();
    for (const long populate : {0, MAP_POPULATE}) {
        CHECK(child.run([&] { return core_mmap(kLow, kPage, PROT_READ, kFixed | populate, ram, 0); }) ==
              returned(kLow));
        CHECK(child.run([&] {
            return core_mmap(kLow, kPage, PROT_READ | PROT_WRITE, kFixed | populate, ram, kPage);
        }) == returned(kLow));
        CHECK(child.run([&] {
            return core_mmap(kLow, 2 * kPage, PROT_READ | PROT_EXEC, kFixed | populate, views, 0);
        }) == returned(kLow));
    }
    CHECK(child.run([&] {
        return core_mmap(kLow, kPage, PROT_READ | PROT_WRITE, kFixed | MAP_POPULATE, views,
                         std::uint64_t{kBounceSlot} * kPage);
    }) == returned(kLow));
    constexpr long kLast = kHigh - kPage;
    CHECK(child.run([&] { return core_mmap(kLast, kPage, PROT_READ, kFixed, ram, 0) - kLast; }) ==
          returned(0));
    CHECK(child.run([&] {
        if (core_mmap(kLow, kPage, PROT_READ, kFixed, ram, 0) != kLow) return -1l;
        if (core_mprotect(kLow, kPage, PROT_READ | PROT_WRITE) != 0) return -2l;
        *reinterpret_cast<volatile int*>(kLow) = 7;
        if (core_mprotect(kLow, kPage, PROT_READ) != 0) return -3l;
        return static_cast<long>(*reinterpret_cast<volatile int*>(kLow));
    }) == returned(7));
    CHECK(child.run([&] { return core_munmap(kLow, kPage); }) == returned(0));
#ifndef __SANITIZE_ADDRESS__  // which has memory of its own there
    CHECK(child.run([&] { return core_munmap(0, std::uint64_t{kHigh}); }) == returned(0));
#endif
}

TEST_CASE("Descriptors, the clock, the doorbell and the event counter pass the fence") {
    FenceChild child;
    CHECK(child.run([] {
        HostDescriptor d{};
        d.limit = 0xFFFFF;
        d.in_pages = d.big = true;
        const user_desc entry = ldt_call(5, d);
        return core_modify_ldt(kWriteLdt, &entry, sizeof entry);
    }) == returned(0));
    CHECK(child.run([] {
        timespec now{};
        return core_clock_gettime(CLOCK_MONOTONIC, &now);
    }) == returned(0));
    CHECK(child.run([&] {
        const timespec moment{0, 1'000'000};
        return core_futex(child.config.doorbell, FUTEX_WAIT, 0, &moment);
    }) == returned(-ETIMEDOUT));
    CHECK(child.run([&] { return core_futex(child.config.doorbell, FUTEX_WAIT, 1, nullptr); }) ==
          returned(-EAGAIN));
}

TEST_CASE("The clock can be read behind the fence whatever the host's clock source is") {
    FenceChild child;
    const auto reads = [&](bool by_system_call) {
        return child.run([=] {
            const HostClock clock(by_system_call);
            const Nanoseconds first = clock.now();
            return static_cast<long>(first != 0 && clock.now() >= first);
        });
    };
    CHECK(reads(true) == returned(1));
    if (!vdso_asks_the_kernel()) CHECK(reads(false) == returned(1));
}

TEST_CASE("A timer's signal is handled behind the fence, and returns") {
    FenceChild child;
    int id = 0;
    CHECK(child.run(
              [&] {
                  itimerspec soon{};
                  soon.it_value.tv_nsec = 1'000'000;
                  if (const long error = core_timer_settime(id, 0, &soon, nullptr)) return error;
                  while (!signalled) {
                  }
                  return 5l;
              },
              [&] {
                  set_core_handler(SIGUSR2, [](int, siginfo_t*, void*) { signalled = 1; });
                  sigevent event{};
                  event.sigev_notify = SIGEV_SIGNAL;
                  event.sigev_signo = SIGUSR2;
                  syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id);
              }) == returned(5));
}

TEST_CASE("A sleep behind the fence survives being stopped and continued") {
    FenceChild child;
    CHECK(child.run(
              [&] {
                  const timespec moment{0, 400'000'000};
                  return core_futex(child.config.doorbell, FUTEX_WAIT, 0, &moment);
              },
              {},
              [](pid_t pid) {
                  usleep(100'000);
                  kill(pid, SIGSTOP);
                  waitpid(pid, nullptr, WUNTRACED);
                  kill(pid, SIGCONT);
              }) == returned(-ETIMEDOUT));
}

TEST_CASE("32-bit system calls come back as a trap, whatever they ask for") {
    FenceChild child;
    answering = &child;
    for (const long number : {1l, 2l, 4l, 5l, 11l, 20l, 37l, 90l, 120l, 192l, 252l, 1000l}) {
        INFO("i386 system call " << number);
        CHECK(child.run([&] { return fence_call_i386(number); },
                        [] {
                            set_core_handler(SIGSYS, [](int, siginfo_t* info, void*) {
                                constexpr unsigned kArchI386 = 0x40000003;  // AUDIT_ARCH_I386
                                answering->answer(info->si_code == 1 && info->si_arch == kArchI386 ? 32 : -1);
                            });
                        }) == returned(32));
    }
    CHECK(child.run([] { return fence_call_i386(4); }) == kKilled);  // by the signal's default
}

TEST_CASE("A forged signal frame gains nothing: the filter looks at the address it leads to") {
    FenceChild child;
    static const void* target;
    static long number;
    const auto forge = [] {
        set_core_handler(SIGTRAP, [](int, siginfo_t*, void* context) {
            auto& regs = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
            regs[REG_RIP] = reinterpret_cast<long long>(target);
            regs[REG_RAX] = number;
        });
    };
    const auto attempt = [] {
        asm volatile("int3" ::: "memory", "cc");
        return 0l;
    };
    for (const char* at : {static_cast<const char*>(fence_ordinary), instruction_before(core_write_end),
                           instruction_before(core_mmap_end), instruction_before(core_rt_sigreturn_end)}) {
        for (const long wanted : {SYS_getpid, SYS_execve, SYS_exit_group}) {
            target = at;
            number = wanted;
            CHECK(child.run(attempt, forge) == kKilled);
        }
    }
}

TEST_CASE("modify_ldt makes no descriptor but ordinary segments of ring 3") {
    // The fence lets any entry pass, relying on the host's kernel; so try what it lets through, and look at
    // the descriptors themselves with lar, SDM Vol. 2A.
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    const pid_t pid = fork();
    if (pid == 0) {
        alarm(20);
        std::mt19937 random(seed);
        unsigned made = 0;
        for (int i = 0; i < 20'000; ++i) {
            user_desc entry{};
            std::uint32_t words[4];
            for (std::uint32_t& word : words) word = static_cast<std::uint32_t>(random());
            words[0] %= 64;
            static_assert(sizeof words == sizeof entry);
            if (random() % 4) words[2] &= 0xFFFFF;  // a limit that fits more often
            std::memcpy(&entry, words, sizeof entry);
            if (core_modify_ldt(kWriteLdt, &entry, sizeof entry) != 0) continue;
            std::uint32_t rights = 0;
            bool valid = false;
            asm("lar %[selector], %[rights]"
                : [rights] "=r"(rights), "=@ccz"(valid)
                : [selector] "r"(words[0] << 3 | 7));
            if (!valid) continue;  // an empty entry
            ++made;
            const bool is_segment = rights & 0x1000, is_ring_3 = (rights & 0x6000) == 0x6000,
                       is_long = rights & 0x200000;
            if (!is_segment || !is_ring_3 || is_long) _exit(1);
        }
        _exit(made > 100 ? 0 : 2);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    CHECK(status == 0);
}
