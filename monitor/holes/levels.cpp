#include "monitor/holes/levels.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cerrno>
#include <charconv>
#include <exception>
#include <fstream>
#include <iterator>
#include <optional>

#include "monitor/embedded_kernel.hpp"
#include "monitor/supervisor.hpp"

// monitor/holes/guest, which the build puts into the program.
extern "C" const char ringpress_holes_guest_begin[], ringpress_holes_guest_end[];

namespace ringpress {

namespace {

constexpr double kPatienceSeconds = 2;  // for a guest that is through in a tenth of it

void write_line(int fd, const std::string& line) {
    [[maybe_unused]] const ssize_t written = write(fd, line.data(), line.size());
}

std::string contents(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string first_line(const std::string& text) {
    return text.substr(0, text.find('\n'));
}

/// The number behind the last "begin" of what a guest printed.
std::optional<unsigned> last_begun(const std::string& lines) {
    const std::size_t at = lines.rfind("begin ");
    if (at == std::string::npos) return std::nullopt;
    unsigned number = 0;
    const char* digits = lines.data() + at + 6;
    std::from_chars(digits, lines.data() + lines.size(), number, 16);
    return number;
}

/// Runs the guest again and again, each time from behind the form that was its end.  In a process of its own.
void run_level(Sensitive level, const std::string& kernel, const std::string& report, int out) {
    RunConfig config;
    config.kernel = kernel;
    config.ram_bytes = 16u << 20;
    config.sensitive = level;
    config.serial = "none";
    config.debugcon = "file:" + report;
    config.no_reboot = true;
    config.time_limit = kPatienceSeconds;
    for (unsigned first = 0; first < instruction_forms().size();) {
        config.append = fmt::format("first={}", first);
        const std::size_t before = contents(report).size();
        const ExitReport end = Supervisor(config).run();
        if (end.signal != 0) {
            write_line(out, "failed it was interrupted\n");
            return;
        }
        const std::string printed = contents(report).substr(before);
        if (printed.ends_with("end\n")) return;
        const std::optional<unsigned> died = last_begun(printed);
        if (!died) {
            write_line(out, fmt::format("failed {}\n", first_line(end.message)));
            return;
        }
        const std::string how = end.message.empty() ? "the guest ended" : first_line(end.message);
        write_line(out, fmt::format("\ndied {:x} {}\n", *died, how));
        first = *died + 1;
    }
}

struct LevelProcess {
    UniqueFd report;
    pid_t pid = -1;
};

LevelProcess start_level(Sensitive level, const std::string& kernel) {
    LevelProcess process;
    process.report.reset(memfd_create("holes", MFD_CLOEXEC));
    if (!process.report) return process;
    const std::string path = fmt::format("/proc/{}/fd/{}", getpid(), process.report.get());
    std::fflush(nullptr);
    const pid_t parent = getpid();
    process.pid = fork();
    if (process.pid != 0) return process;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    const UniqueFd out(open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    try {
        run_level(level, kernel, path, out.get());
    } catch (const std::exception& error) {
        write_line(out.get(), fmt::format("\nfailed {}\n", error.what()));
    }
    _exit(0);
}

LevelRun finish_level(const LevelProcess& process) {
    LevelRun run;
    if (process.pid < 0) {
        run.failure = "the host refuses another process";
        return run;
    }
    while (waitpid(process.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return parse_level_run(contents(fmt::format("/proc/self/fd/{}", process.report.get())));
}

}  // namespace

LevelRun parse_level_run(std::string_view lines) {
    LevelRun run;
    while (!lines.empty()) {
        const std::size_t end = std::min(lines.find('\n'), lines.size());
        std::string_view line = lines.substr(0, end);
        lines.remove_prefix(std::min(end + 1, lines.size()));
        constexpr std::string_view kDied = "died ", kFailed = "failed ";
        if (line.starts_with(kFailed)) {
            run.failure = line.substr(kFailed.size());
        } else if (line.starts_with(kDied)) {
            line.remove_prefix(kDied.size());
            unsigned form = 0;
            const auto [behind, error] = std::from_chars(line.data(), line.data() + line.size(), form, 16);
            if (error != std::errc()) continue;
            line.remove_prefix(
                std::min<std::size_t>(static_cast<std::size_t>(behind - line.data()) + 1, line.size()));
            run.ends[form] = line;
        } else if (const auto outcome = parse_outcome(line)) {
            run.outcomes[outcome->form] = outcome->outcome;
        }
    }
    return run;
}

std::vector<LevelRun> run_levels(const std::vector<Sensitive>& levels) {
    const EmbeddedKernel kernel("holes", ringpress_holes_guest_begin, ringpress_holes_guest_end);
    std::vector<LevelProcess> processes;
    for (const Sensitive level : levels) processes.push_back(start_level(level, kernel.path()));
    std::vector<LevelRun> runs;
    for (const LevelProcess& process : processes) runs.push_back(finish_level(process));
    return runs;
}

}  // namespace ringpress
