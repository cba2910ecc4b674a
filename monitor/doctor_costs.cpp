// What the mechanisms of deprivileging cost on this host.
#include <asm/ldt.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>

#include "monitor/doctor_child.hpp"
#include "monitor/doctor_compat.hpp"
#include "monitor/doctor_probes.hpp"

namespace ringpress {
namespace {

constexpr unsigned kTimes = 200;
/// A measurement is repeated and the best one taken: others measure what else the host was doing.  Many short
/// ones, so that on a busy host, too, one of them is left alone.
constexpr unsigned kRounds = 50;

double best_of(const std::function<double()>& measure) {
    double best = measure();
    for (unsigned i = 1; i < kRounds; ++i) best = std::min(best, measure());
    return best;
}

double nanoseconds_per(unsigned times, const std::function<void()>& action) {
    const auto start = std::chrono::steady_clock::now();
    for (unsigned i = 0; i < times; ++i) action();
    const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
    return spent.count() / times;
}

/// Both processes on one CPU: a stop is then a plain switch between them.
void pin_to_current_cpu() {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<std::size_t>(sched_getcpu()), &set);
    sched_setaffinity(0, sizeof set, &set);
}

double ptrace_stop_nanoseconds() {
    pin_to_current_cpu();
    const pid_t tracee = fork();
    if (tracee == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        for (;;) asm volatile("int3");
    }
    waitpid(tracee, nullptr, 0);
    user_regs_struct registers{};
    const double each = nanoseconds_per(kTimes, [&] {
        ptrace(PTRACE_GETREGS, tracee, 0, &registers);
        ptrace(PTRACE_SETREGS, tracee, 0, &registers);
        ptrace(PTRACE_CONT, tracee, 0, 0);
        waitpid(tracee, nullptr, 0);
    });
    kill(tracee, SIGKILL);
    waitpid(tracee, nullptr, 0);
    return each;
}

double map_page_nanoseconds() {
    constexpr std::size_t kPages = 128;
    const int fd = memfd_create("ringpress-doctor", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, kPages * 4096) != 0) return 0;
    auto* window =
        static_cast<char*>(mmap(nullptr, kPages * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (window == MAP_FAILED) return 0;
    std::size_t page = 0;
    const auto map_next = [&] {
        // Backwards through the file, so that neighbours never merge into one mapping.
        mmap(window + page * 4096, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd,
             static_cast<off_t>((kPages - 1 - page) * 4096));
        page = (page + 1) % kPages;
    };
    const double each = nanoseconds_per(4 * kPages, map_next);  // once around is allocation of memory, too
    munmap(window, kPages * 4096);
    close(fd);
    return each;
}

double modify_ldt_nanoseconds() {
    user_desc segment{};
    segment.limit = 0xFFFFF;
    segment.seg_32bit = 1;
    segment.limit_in_pages = 1;
    return nanoseconds_per(kTimes, [&] { syscall(SYS_modify_ldt, 0x11, &segment, sizeof segment); });
}

/// What a gate cannot do without (docs/gates.md): far to the 64-bit code segment, and far back again.
double gate_nanoseconds() {
    constexpr std::uint32_t kInLoop = 5, kForthBytes = 7, kBackBytes = 7;  // kInLoop: see nanoseconds_each()
    CompatCode code;
    const std::uint32_t start = code.code_address() + kInLoop;
    std::vector<std::uint8_t> there_and_back{0xEA};  // ljmp $0x33, $behind
    append32(there_and_back, start + kForthBytes);
    there_and_back.insert(there_and_back.end(), {0x33, 0x00, 0xFF, 0x2C, 0x25});  // ljmp *data
    append32(there_and_back, code.data_address());
    const struct {
        std::uint32_t eip;
        std::uint16_t cs;
    } back = {start + kForthBytes + kBackBytes, CompatCode::kUserCode32};
    std::memcpy(code.data(), &back, sizeof back);
    return code.nanoseconds_each(there_and_back);
}

struct Cost {
    const char* id;
    const char* name;
    double
        expected;  ///< nanoseconds beyond which the row says "slower": about four times an ordinary machine's
    const char* consequence;
    std::function<double()> measure;
};

}  // namespace

std::vector<Finding> measure_costs() {
    const auto fault = [](std::vector<std::uint8_t> bytes) {
        return [bytes] {
            CompatCode code;
            return best_of([&] { return code.fault_nanoseconds(bytes, kTimes); });
        };
    };
    const Cost costs[] = {
        {"cost_cli", "cost of a fault: cli, signal, return", 6000, "privileged instructions", fault({0xFA})},
        {"cost_int3", "cost of a breakpoint: int3, signal, return", 6000, "patched instructions",
         fault({0xCC})},
        {"cost_ud2", "cost of an invalid opcode: ud2, signal, return", 100000, "reflected faults",
         fault({0x0F, 0x0B})},
        {"cost_ptrace", "cost of a ptrace stop, registers read and written", 25000,
         "every trap of --engine ptrace", [] { return best_of(ptrace_stop_nanoseconds); }},
        {"cost_gate", "cost of a gate: a far jump to 64-bit code and back", 400, "gates",
         [] { return best_of(gate_nanoseconds); }},
        {"cost_map", "cost of mapping a page (mmap)", 10000, "hidden page faults",
         [] { return best_of(map_page_nanoseconds); }},
        {"cost_ldt", "cost of loading a descriptor (modify_ldt)", 3000, "changes of descriptors",
         [] { return best_of(modify_ldt_nanoseconds); }},
    };
    std::vector<Finding> findings;
    for (const Cost& cost : costs) {
        Finding f{cost.id, cost.name, "", HostVerdict::ok, "", false};
        const ProbeAnswer answer = in_child([&](ProbeAnswer& a) { a.costs[0] = cost.measure(); });
        const double ns = answer.costs[0];
        if (!answer.finished || ns <= 0) {
            f.verdict = HostVerdict::slower;
            f.finding = "could not be measured";
        } else {
            f.finding = fmt::format("{:.{}f} us", ns / 1000, ns < 100 ? 3 : 2);
            if (ns > cost.expected) {
                f.verdict = HostVerdict::slower;
                f.cost = fmt::format("{} are slow on this host", cost.consequence);
            }
        }
        findings.push_back(std::move(f));
    }
    return findings;
}

}  // namespace ringpress
