#include "monitor/compare/comparison.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "monitor/cli_run.hpp"
#include "monitor/compare/qemu.hpp"
#include "monitor/exit_codes.hpp"
#include "monitor/holes/names.hpp"
#include "monitor/symbols/guest_symbols.hpp"
#include "monitor/unique_fd.hpp"

namespace ringpress {

namespace {

using Json = nlohmann::json;

/// ringpress ends a guest at its time limit by itself, and says what it counted; only then is it killed.
constexpr double kGrace = 3;
/// Runs that are through in this time are made in full, so that every hole's own effect can be told.
constexpr double kQuick = 1.5;
/// A broken guest gets this many times as long as the right one took, and a second.
constexpr double kPatience = 3;

std::string last_line(const std::string& text) {
    std::string_view rest = text;
    while (rest.ends_with('\n')) rest.remove_suffix(1);
    const std::size_t at = rest.rfind('\n');
    return std::string(at == std::string_view::npos ? rest : rest.substr(at + 1));
}

/// What `ringpress run` said on standard error before its statistics.
std::string message_of(const std::string& errors) {
    std::string line = errors.substr(0, errors.find('\n'));
    constexpr std::string_view kPrefix = "ringpress: ";
    if (line.starts_with('{')) return {};
    if (line.starts_with(kPrefix)) line.erase(0, kPrefix.size());
    return line.substr(0, line.find("; "));
}

std::string end_text(const GuestOutput& o, double limit) {
    if (o.end == RunEnd::time_limit ||
        (o.end == RunEnd::exited && o.status == exit_status(ExitCode::time_limit)))
        return fmt::format("still running after {:.1f} s", limit);
    if (o.end == RunEnd::stopped) return "stopped";
    if (o.end == RunEnd::killed) return fmt::format("killed by {}", strsignal(o.status));
    const std::string message = message_of(o.errors);
    if (o.status == 0) return fmt::format("ended, {:.1f} s", o.seconds);
    return fmt::format("status {}, {:.1f} s{}{}", o.status, o.seconds, message.empty() ? "" : ": ", message);
}

/// The experiments' common ground.
class Laboratory {
  public:
    explicit Laboratory(const RunConfig& config) : base_(config) {
        base_.serial = "stdio";
        base_.display = Display::none;
        base_.no_reboot = true;
        base_.name.clear();
        base_.log_items.clear();
        base_.trace_file.clear();
        base_.stats = RunConfig::Stats::json;
        for (DriveConfig& drive : base_.drives) drive.snapshot = true;
    }

    GuestOutput run(Sensitive level, double limit, const OpenHoles& open = {},
                    const KeepGoing& keep_going = {}) const {
        RunConfig config = base_;
        config.sensitive = level;
        config.open = open;
        config.time_limit = limit;
        return started(config, limit, keep_going);
    }
    GuestOutput run_qemu(const std::string& program, double limit) const {
        const std::vector<std::string> arguments = qemu_arguments(program, base_);
        return run_captured([&arguments] { return exec_qemu(arguments); }, limit);
    }

    /// Every place where a sensitive instruction is executed, up to where the output has `lines` lines.
    std::map<InsnId, std::map<std::uint32_t, CulpritSite>> sites(double limit, std::size_t lines) const {
        const UniqueFd file(memfd_create("trace", MFD_CLOEXEC));
        const std::string path = fmt::format("/proc/{}/fd/{}", getpid(), file.get());
        RunConfig config = base_;
        config.sensitive = Sensitive::trap;
        config.tuning.burst = 0;  // every one by a trap of its own
        config.log_items = {"insn"};
        config.trace_file = path;
        config.time_limit = limit;
        started(config, limit, [lines](const auto& printed) { return printed.size() <= lines; });
        std::map<InsnId, std::map<std::uint32_t, CulpritSite>> found;
        std::ifstream trace(path);
        for (std::string line; std::getline(trace, line);) {
            const Json trap = Json::parse(line, nullptr, false);
            if (trap.is_discarded() || !trap.contains("insn") || !trap.contains("eip")) continue;
            CulpritSite site;
            site.address =
                static_cast<std::uint32_t>(std::stoul(trap["eip"].get<std::string>(), nullptr, 16));
            site.text = trap.value("text", "");
            site.symbol = trap.value("symbol", "");
            for (const InsnId id : instructions_named(trap["insn"].get<std::string>()))
                found[id][site.address] = site;
        }
        return found;
    }

  private:
    static GuestOutput started(const RunConfig& config, double limit, const KeepGoing& keep_going) {
        GuestOutput o = run_captured([&config] { return run_command(config); }, limit + kGrace, keep_going);
        if (o.end == RunEnd::exited && o.status == exit_status(ExitCode::time_limit))
            o.end = RunEnd::time_limit;
        return o;
    }

    RunConfig base_;
};

/// Sensitive instructions that the run emulated and that do not trap by themselves, by its statistics.
std::vector<InsnId> open_candidates(const GuestOutput& run) {
    std::vector<InsnId> ids;
    const Json stats = Json::parse(last_line(run.errors), nullptr, false);
    if (stats.is_discarded() || !stats.contains("emulated")) return ids;
    for (const Json& counted : stats["emulated"])
        for (const InsnId id : instructions_named(counted.value("mnemonic", "")))
            if (info(id).insn_class != InsnClass::privileged) ids.push_back(id);
    return ids;
}

void judge(Comparison& c, ComparedRun& run) {
    run.pairs = align(c.reference().output.lines, run.output.lines);
    run.parts = first_divergence(run.pairs, c.reference().output, run.output, c.unstable);
}

void find_cause(Comparison& c, const Laboratory& laboratory, const std::string& kernel, double limit,
                const std::function<void(const std::string&)>& progress) {
    const GuestOutput& reference = c.reference().output;
    const int line = parting_line(reference, c.open().output, c.unstable);
    const bool quick = reference.seconds < kQuick;
    // How far a run must get to show whether it parts at that line.
    constexpr std::size_t kContext = 3;
    const std::size_t enough =
        quick ? reference.lines.size() + 1000 : static_cast<std::size_t>(line) + kContext;
    std::map<InsnId, std::map<std::uint32_t, CulpritSite>> sites;
    const OpenRun run = [&](const OpenHoles& open) {
        progress("looking for the cause: one hole open at a time");
        return laboratory.run(Sensitive::trap, limit, open,
                              [enough](const auto& lines) { return lines.size() <= enough; });
    };
    const SitesOf sites_of = [&](InsnId id) {
        progress("looking for the place");
        if (sites.empty()) sites = laboratory.sites(limit, enough);
        std::vector<std::uint32_t> addresses;
        for (const auto& [address, site] : sites[id]) addresses.push_back(address);
        return addresses;
    };
    c.culprit = find_culprit(reference, c.unstable, line, open_candidates(reference), run, sites_of);
    if (!c.culprit->id) return;
    const GuestSymbols symbols = GuestSymbols::load(kernel, {});
    for (const std::uint32_t address : c.culprit->sites) {
        CulpritSite site = sites[*c.culprit->id][address];
        if (site.symbol.empty()) site.symbol = symbols.name_of(address);
        c.sites.push_back(std::move(site));
    }
}

}  // namespace

Comparison compare_guest(const RunConfig& config, const std::string& shown_name,
                         const std::function<void(const std::string&)>& progress) {
    const Laboratory laboratory(config);
    const double limit = config.time_limit;
    Comparison c;
    c.kernel = shown_name;
    const auto add = [&](std::string title, GuestOutput output, double its_limit) -> ComparedRun& {
        const std::string end = end_text(output, its_limit);
        c.runs.push_back({std::move(title), {}, std::move(output), end, {}, {}});
        return c.runs.back();
    };
    progress("running with --sensitive trap");
    add("trap", laboratory.run(Sensitive::trap, limit), limit);
    const GuestOutput& right = c.reference().output;
    if (right.lines.empty() && right.status == exit_status(ExitCode::host_error) &&
        right.end == RunEnd::exited)
        throw std::runtime_error(message_of(right.errors));

    progress("running with --sensitive inline");
    add("inline", laboratory.run(Sensitive::inline_, limit), limit);
    c.unstable = unstable_lines(align(c.runs[0].output.lines, c.runs[1].output.lines));
    if (const std::string qemu = find_qemu(); qemu.empty()) {
        c.runs.push_back({"QEMU", "qemu-system-i386 is not installed", {}, {}, {}, {}});
    } else {
        progress("running under QEMU");
        add("QEMU", laboratory.run_qemu(qemu, limit), limit);
    }
    const double broken_limit = std::min(limit, kPatience * c.reference().output.seconds + 1);
    progress("running with --sensitive ignore");
    add("ignore", laboratory.run(Sensitive::ignore, broken_limit), broken_limit);
    for (ComparedRun& run : c.runs)
        if (run.unavailable.empty()) judge(c, run);
    if (c.open().parts) find_cause(c, laboratory, config.kernel, broken_limit, progress);
    return c;
}

}  // namespace ringpress
