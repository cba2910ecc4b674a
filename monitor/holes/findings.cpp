#include "monitor/holes/findings.hpp"

#include <cpuid.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>

#include "monitor/doctor.hpp"
#include "monitor/doctor_probes.hpp"
#include "traps/decode.hpp"
#include "traps/prove.hpp"

namespace ringpress {

namespace {

/// Vendor and name, as CPUID has them: SDM Vol. 2A, CPUID, leaves 0 and 80000002H to 80000004H.
std::string processor_name() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    char vendor[13] = {}, brand[49] = {};
    __get_cpuid(0, &a, &b, &c, &d);
    std::memcpy(vendor, &b, 4);
    std::memcpy(vendor + 4, &d, 4);
    std::memcpy(vendor + 8, &c, 4);
    for (unsigned i = 0; i < 3; ++i) {
        if (!__get_cpuid(0x80000002 + i, &a, &b, &c, &d)) break;
        const unsigned words[] = {a, b, c, d};
        std::memcpy(brand + 16 * i, words, sizeof words);
    }
    std::string name = brand;
    name.erase(0, std::min(name.find_first_not_of(' '), name.size()));
    return name.empty() ? vendor : fmt::format("{}, {}", vendor, name);
}

std::string kernel_name() {
    utsname u{};
    uname(&u);
    return fmt::format("{} {}", u.sysname, u.release);
}

/// Text in which the stand-in for an address, which is another at each place, is shown as one.
std::string with_placeholder(std::string text, const std::string& stand_in, const std::string& shown) {
    if (const std::size_t at = text.find(stand_in); at != std::string::npos)
        text.replace(at, stand_in.size(), shown);
    return text;
}

std::string hex_bytes(std::span<const std::uint8_t> bytes) {
    return with_placeholder(fmt::format("{:02x}", fmt::join(bytes, " ")), "4e 45 58 54", "xx xx xx xx");
}

/// By which means the dispatcher handles a form at a level: asked of the same policy that it asks.
std::string handled_by(const KnownForm& form, Decoder& decoder, SensitiveLevel level, HostAnswer host) {
    Policy policy;
    policy.level = level;
    const VCpu cpu;
    const Instruction insn = decoder.decode(form.form.bytes, form.form.length);
    if (may_run_natively(insn, cpu, policy) == Native::yes)
        return host == HostAnswer::faults ? "fault" : host == HostAnswer::system_call ? "filter" : "native";
    return may_become_gate(insn, policy) ? "gate" : "int3";
}

std::string joined(const std::vector<std::string>& parts) {
    return fmt::format("{}", fmt::join(parts, "; "));
}

Sensitive option(SensitiveLevel level) {
    return level == SensitiveLevel::ignore ? Sensitive::ignore
           : level == SensitiveLevel::trap ? Sensitive::trap
                                           : Sensitive::inline_;
}

}  // namespace

std::string_view answer_name(HostAnswer answer) {
    switch (answer) {
        case HostAnswer::faults: return "faults";
        case HostAnswer::same: return "same";
        case HostAnswer::silent: return "silent";
        case HostAnswer::kernel: return "kernel";
        case HostAnswer::system_call: return "system call";
        case HostAnswer::lost: return "lost";
        case HostAnswer::unknown: break;
    }
    return "unknown";
}

bool is_hole(HostAnswer answer) {
    return answer == HostAnswer::silent || answer == HostAnswer::kernel ||
           answer == HostAnswer::system_call || answer == HostAnswer::lost;
}

void judge_native(FormFinding& finding, const NativeRun& native, const FormOutcome* right) {
    const KnownForm& form = *finding.form;
    const FormOutcome& got = native.outcome;
    if (!native.came_back) {
        finding.host = HostAnswer::lost;
        finding.host_text =
            native.host_call ? "a system call of the host, and back at another place" : native.lost;
        return;
    }
    if (got.faulted()) {
        finding.host = HostAnswer::faults;
        finding.host_text = exception_text(got[kResultVector], got[kResultError]);
        return;
    }
    if (native.host_call) {
        finding.host = HostAnswer::system_call;
        finding.host_text = fmt::format("getpid() = {}, by the host's kernel", got[kResultEax]);
        return;
    }
    const std::vector<std::string> wrong =
        right ? differences(form, got, *right) : std::vector<std::string>{};
    finding.host_text = wrong.empty() ? outcome_text(form, got) : joined(wrong);
    finding.host = native.kernel_answered ? HostAnswer::kernel
                   : !right               ? HostAnswer::unknown
                   : wrong.empty()        ? HostAnswer::same
                                          : HostAnswer::silent;
}

void judge_level(FormFinding& finding, unsigned level, const LevelRun& run, const FormOutcome* right) {
    const auto number = static_cast<unsigned>(finding.form - instruction_forms().data());
    LevelFinding& l = finding.levels[level];
    if (const auto end = run.ends.find(number); end != run.ends.end()) {
        l.answer = GuestAnswer::ended;
        l.what = end->second;
        return;
    }
    const auto found = run.outcomes.find(number);
    if (found == run.outcomes.end() || !right) return;
    const std::vector<std::string> wrong = differences(*finding.form, found->second, *right);
    l.answer = wrong.empty() && !found->second.unsteady ? GuestAnswer::right : GuestAnswer::wrong;
    l.what = wrong.empty() && found->second.unsteady ? "not the same every time" : joined(wrong);
}

HostAnswer worst_answer(const HolesReport& report, InsnId id) {
    HostAnswer worst = HostAnswer::faults;
    for (const FormFinding& f : report.forms)
        if (f.form->id == id) worst = std::max(worst, f.host);
    return worst;
}

HolesReport find_holes() {
    const auto began = std::chrono::steady_clock::now();
    if (const Finding compat = probe_compat_mode(); compat.verdict == HostVerdict::missing)
        throw std::runtime_error(
            fmt::format("this host does not run 32-bit code ({}): {}", compat.finding, compat.cost));
    HolesReport report;
    report.processor = processor_name();
    report.kernel = kernel_name();
    std::vector<Sensitive> options;
    for (const SensitiveLevel level : kLevels) options.push_back(option(level));
    const std::vector<LevelRun> levels = run_levels(options);
    for (const LevelRun& run : levels)
        if (!run.failure.empty()) report.no_guest = run.failure;

    Decoder decoder;
    const auto forms = instruction_forms();
    for (unsigned i = 0; i < forms.size(); ++i) {
        const KnownForm& form = forms[i];
        FormFinding f;
        f.form = &form;
        f.text = with_placeholder(decoder.text(form.form.bytes, form.form.length, 0), "0x5458454e", "next");
        f.bytes = hex_bytes(form.bytes());
        // What ring 0 does is what the level that traps everything makes of it; tests compare that with QEMU.
        const auto& trapped = levels[1].outcomes;
        const auto found = trapped.find(i);
        const FormOutcome* right = found == trapped.end() ? nullptr : &found->second;
        if (right) f.ring0 = outcome_text(form, *right);
        judge_native(f, run_natively(form), right);
        for (unsigned level = 0; level < kLevelCount; ++level) {
            judge_level(f, level, levels[level], right);
            f.levels[level].how = handled_by(form, decoder, kLevels[level], f.host);
        }
        report.forms.push_back(std::move(f));
    }
    report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    return report;
}

}  // namespace ringpress
