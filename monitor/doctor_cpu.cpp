// Probes of what 32-bit code does and shows at ring 3 on this host.
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "monitor/doctor_child.hpp"
#include "monitor/doctor_compat.hpp"
#include "monitor/doctor_probes.hpp"

#ifndef ARCH_SET_CPUID
#define ARCH_SET_CPUID 0x1012
#endif

namespace ringpress {
namespace {

using Code = std::vector<std::uint8_t>;

bool install_segment(unsigned entry, std::uint32_t base, std::uint32_t limit, unsigned contents,
                     bool in_pages) {
    user_desc segment{};
    segment.entry_number = entry;
    segment.base_addr = base;
    segment.limit = limit;
    segment.seg_32bit = 1;
    segment.contents = contents;
    segment.limit_in_pages = in_pages;
    return syscall(SYS_modify_ldt, 0x11, &segment, sizeof segment) == 0;
}

constexpr std::uint16_t ldt_selector(unsigned entry) {
    return static_cast<std::uint16_t>(entry << 3 | 7);
}

}  // namespace

Finding probe_compat_mode() {
    Finding f{"compat", "32-bit code in a 64-bit process", "", HostVerdict::ok, "", true};
    const ProbeAnswer answer = in_child([](ProbeAnswer& a) {
        CompatCode code;
        const CompatOutcome o = code.run({0xB8, 0x78, 0x56, 0x34, 0x12, 0xCC});  // mov $0x12345678,%eax; int3
        a.values[0] = o.signal == SIGTRAP && o.eax == 0x12345678;
    });
    if (answer.finished && answer.values[0]) {
        f.finding = "runs, and its faults arrive as signals";
    } else {
        f.verdict = HostVerdict::missing;
        f.finding = answer.finished ? "gives wrong results" : failure(answer);
        f.cost =
            "no guest can run; boot the host without ia32_emulation=off, or leave the sandbox that forbids "
            "it";
    }
    return f;
}

Finding probe_modify_ldt() {
    Finding f{"modify_ldt", "segments of our own (modify_ldt)", "", HostVerdict::ok, "", true};
    const ProbeAnswer answer = in_child([](ProbeAnswer& a) {
        CompatCode code;
        // Slot 0: code whose offset 0x1000 is the code page.  Slot 1: a data segment of 16 bytes.
        const std::uint32_t base = code.code_address() - 0x1000;
        if (!install_segment(0, base, 0xFFFFF, MODIFY_LDT_CONTENTS_CODE, true) ||
            !install_segment(1, code.data_address(), 15, MODIFY_LDT_CONTENTS_DATA, false)) {
            a.error = errno;
            return;
        }
        // mov $selector,%ecx; mov %ecx,%gs; mov %gs:12,%eax; mov $1,%ebx; mov %gs:13,%eax (beyond the limit)
        Code bytes = {0xB9};
        append32(bytes, ldt_selector(1));
        for (const std::uint8_t b :
             {0x8E, 0xE9, 0x65, 0xA1, 0x0C, 0, 0, 0, 0xBB, 1, 0, 0, 0, 0x65, 0xA1, 0x0D, 0, 0, 0}) {
            bytes.push_back(b);
        }
        const CompatOutcome o = code.run(bytes, ldt_selector(0), base);
        a.values[0] = o.ebx == 1;           // the code segment has its base, and offset 12 could be read
        a.values[1] = o.signal == SIGSEGV;  // offset 13..16 could not
    });
    if (answer.finished && answer.values[0] && answer.values[1]) {
        f.finding = "bases and limits are enforced";
    } else {
        f.verdict = HostVerdict::missing;
        f.finding =
            answer.finished && answer.error == 0 ? "bases or limits are not enforced" : failure(answer);
        f.cost =
            "no guest can run; the host's kernel needs CONFIG_MODIFY_LDT_SYSCALL, a container must allow it";
    }
    return f;
}

Finding probe_cpuid_faulting() {
    Finding f{"cpuid_faulting", "cpuid faults on request (ARCH_SET_CPUID)", "", HostVerdict::ok, "", false};
    const ProbeAnswer answer = in_child([](ProbeAnswer& a) {
        CompatCode code;
        if (syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0) != 0) {
            a.error = errno;
            return;
        }
        a.values[0] =
            code.run({0x31, 0xC0, 0x0F, 0xA2, 0xCC}).signal == SIGSEGV;  // xor %eax,%eax; cpuid; int3
    });
    if (answer.finished && answer.values[0]) {
        f.finding = "yes";
    } else {
        f.verdict = HostVerdict::slower;
        f.finding = answer.error == ENODEV                 ? "not offered by this processor or its hypervisor"
                    : answer.finished && answer.error == 0 ? "accepted, but cpuid does not fault"
                                                           : failure(answer);
        f.cost =
            "with --user-code direct, guest programs see the real processor; views catch cpuid all the same";
    }
    return f;
}

Finding probe_tsc_faulting() {
    Finding f{"tsc_faulting", "rdtsc faults on request (PR_SET_TSC)", "", HostVerdict::ok, "", false};
    const ProbeAnswer answer = in_child([](ProbeAnswer& a) {
        CompatCode code;
        if (prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0) != 0) {
            a.error = errno;
            return;
        }
        a.values[0] = code.run({0x0F, 0x31, 0xCC}).signal == SIGSEGV;
    });
    if (answer.finished && answer.values[0]) {
        f.finding = "yes";
    } else {
        f.verdict = HostVerdict::slower;
        f.finding =
            answer.finished && answer.error == 0 ? "accepted, but rdtsc does not fault" : failure(answer);
        f.cost = "with --user-code direct, guest programs see the host's time-stamp counter";
    }
    return f;
}

Finding probe_fsgsbase() {
    Finding f{"fsgsbase", "user code may set the FS base (FSGSBASE)", "", HostVerdict::ok, "", false};
    const ProbeAnswer answer = in_child([](ProbeAnswer& a) {
        // The kernel's word for it comes first: executing it where it is not enabled is SIGILL.
        constexpr unsigned long kHwcap2FsGsBase = 2;
        if (!(getauxval(AT_HWCAP2) & kHwcap2FsGsBase)) return;
        unsigned long base = 0;
        asm volatile("rdfsbase %0" : "=r"(base));
        a.values[0] = base != 0;
    });
    if (answer.finished && answer.values[0]) {
        f.finding = "yes";
    } else {
        f.verdict = HostVerdict::missing;
        f.finding = "no";
        f.cost =
            "--engine seccomp does not work (it needs Linux 5.9, without nofsgsbase); --engine ptrace does";
    }
    return f;
}

namespace {

struct UmipProbe {
    const char* id;
    Code instruction;  ///< with eax as destination, or a memory operand whose address follows
    bool to_memory;
};

}  // namespace

std::vector<Finding> probe_umip() {
    const std::vector<UmipProbe> probes = {
        {"sgdt", {0x0F, 0x01, 0x05}, true},  {"sidt", {0x0F, 0x01, 0x0D}, true},
        {"sldt", {0x0F, 0x00, 0xC0}, false}, {"str", {0x0F, 0x00, 0xC8}, false},
        {"smsw", {0x0F, 0x01, 0xE0}, false},
    };
    std::vector<Finding> findings;
    for (const UmipProbe& probe : probes) {
        Finding f{fmt::format("umip_{}", probe.id),
                  fmt::format("{} at ring 3", probe.id),
                  "",
                  HostVerdict::ok,
                  "",
                  false};
        const ProbeAnswer answer = in_child([&](ProbeAnswer& a) {
            CompatCode code;
            Code instruction = probe.instruction;
            if (probe.to_memory) append32(instruction, code.data_address());
            const CompatOutcome o = code.run(instruction);
            a.values[0] = o.signal;
            a.values[1] = o.eax;
            if (probe.to_memory) std::memcpy(&a.values[1], code.data(), 6);
            if (o.signal == SIGTRAP) a.costs[0] = code.nanoseconds_each(instruction);
        });
        const auto value = static_cast<std::uint64_t>(answer.values[1]);
        const std::string shown = probe.to_memory
                                      ? fmt::format("base {:08x} limit {:04x}", value >> 16, value & 0xFFFF)
                                      : fmt::format("{:08x}", value);
        if (!answer.finished) {
            f.verdict = HostVerdict::slower;
            f.finding = failure(answer);
        } else if (answer.values[0] != SIGTRAP) {
            f.finding = "faults: the monitor hears of it";
        } else if (answer.costs[0] > CompatCode::kAnsweredNanoseconds) {
            f.finding = fmt::format("answered by the host's kernel (UMIP): {}", shown);
            f.cost = "silent at ring 3: caught in code views only";
        } else {
            f.finding = fmt::format("answered by the processor: {}", shown);
            f.cost = "silent at ring 3: caught in code views only";
        }
        findings.push_back(std::move(f));
    }
    return findings;
}

}  // namespace ringpress
