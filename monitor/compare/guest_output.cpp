#include "monitor/compare/guest_output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>

#include "monitor/unique_fd.hpp"

namespace ringpress {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostLines = 20'000, kLongestLine = 4096;

struct Pipe {
    UniqueFd read, write;
    Pipe() {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0)
            throw std::runtime_error(std::string("no pipe to be had: ") + std::strerror(errno));
        read.reset(ends[0]);
        write.reset(ends[1]);
    }
};

[[noreturn]] void be_child(const std::function<int()>& body, const Pipe& out, const Pipe& err, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    const int empty = open("/dev/null", O_RDONLY);
    if (empty < 0 || dup2(empty, 0) < 0 || dup2(out.write.get(), 1) < 0 || dup2(err.write.get(), 2) < 0)
        _exit(1);
    int status = 1;
    try {
        status = body();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        status = 2;
    }
    std::fflush(nullptr);
    _exit(status);
}

/// Reads what is there.  False at the end.
bool drain(int fd, std::string& into) {
    char chunk[65536];
    const ssize_t n = read(fd, chunk, sizeof chunk);
    if (n > 0) into.append(chunk, static_cast<std::size_t>(n));
    return n > 0 || (n < 0 && errno == EINTR);
}

/// Moves whole lines from `text` to `lines`; at the end, the rest too.
bool take_lines(std::string& text, std::vector<OutputLine>& lines, double now, bool at_end) {
    bool any = false;
    for (;;) {
        std::size_t end = text.find('\n');
        if (end == std::string::npos && text.size() <= kLongestLine && !(at_end && !text.empty())) return any;
        end = std::min({end, text.size(), kLongestLine});
        if (lines.size() < kMostLines)
            lines.push_back({plain_line(std::string_view(text).substr(0, end)), now});
        text.erase(0, std::min(end + 1, text.size()));
        any = true;
    }
}

}  // namespace

GuestOutput run_captured(const std::function<int()>& body, double limit, const KeepGoing& keep_going) {
    Pipe out, err;
    std::fflush(nullptr);
    const auto began = Clock::now();
    const auto elapsed = [began] { return std::chrono::duration<double>(Clock::now() - began).count(); };
    const pid_t parent = getpid(), child = fork();
    if (child == 0) be_child(body, out, err, parent);
    if (child < 0)
        throw std::runtime_error(std::string("the host refuses a process: ") + std::strerror(errno));
    out.write.reset();
    err.write.reset();

    GuestOutput result;
    std::string text;
    const auto kill_child = [&](RunEnd why) {
        result.end = why;
        kill(child, SIGKILL);
    };
    pollfd fds[2] = {{out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}};
    bool ended_early = false;
    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        const double left = limit - elapsed();
        if (left <= 0 && !ended_early) {
            kill_child(RunEnd::time_limit);
            ended_early = true;
        }
        const int ready =
            poll(fds, 2, ended_early ? 1000 : static_cast<int>(std::min(left, 1000.0) * 1000) + 1);
        if (ready <= 0) {
            if (ended_early) break;
            continue;
        }
        if (fds[0].revents && !drain(fds[0].fd, text)) fds[0].fd = -1;
        if (fds[1].revents && !drain(fds[1].fd, result.errors)) fds[1].fd = -1;
        const bool more = take_lines(text, result.lines, elapsed(), false);
        if (more && !ended_early && keep_going && !keep_going(result.lines)) {
            kill_child(RunEnd::stopped);
            ended_early = true;
        }
    }
    take_lines(text, result.lines, elapsed(), true);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    result.seconds = elapsed();
    if (ended_early) return result;
    result.end = WIFEXITED(status) ? RunEnd::exited : RunEnd::killed;
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
    return result;
}

std::string plain_line(std::string_view line) {
    std::string out;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const auto c = static_cast<unsigned char>(line[i]);
        if (c == 0x1B) {  // a control sequence ends with a letter, ECMA-48
            if (i + 1 < line.size() && line[i + 1] == '[') ++i;
            while (i + 1 < line.size() && !std::isalpha(static_cast<unsigned char>(line[i + 1]))) ++i;
            ++i;
        } else if (c == '\t') {
            out += ' ';
        } else if (c >= ' ' && c != 0x7F) {
            out += static_cast<char>(c);
        }
    }
    if (out.starts_with('[')) {
        const std::size_t end = out.find("] ");
        if (end != std::string::npos && end > 1 && out.find_first_not_of(" .0123456789", 1) == end &&
            out.find('.') < end)
            out.erase(0, end + 2);
    }
    out.erase(std::min(out.find_last_not_of(' ') + 1, out.size()));
    return out;
}

std::string masked_line(std::string_view line) {
    std::string out;
    for (std::size_t i = 0; i < line.size();) {
        std::size_t end = i;
        bool digit = false;
        for (; end < line.size() && std::isxdigit(static_cast<unsigned char>(line[end])); ++end)
            digit = digit || std::isdigit(static_cast<unsigned char>(line[end]));
        if (digit) {
            out += '#';
            i = end;
        } else {
            end = std::max(end, i + 1);
            out.append(line.substr(i, end - i));
            i = end;
        }
    }
    return out;
}

}  // namespace ringpress
