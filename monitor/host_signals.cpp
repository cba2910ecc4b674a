#include "monitor/host_signals.hpp"

#include <fcntl.h>
#include <time.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

#include "monitor/terminal.hpp"

namespace ringpress {
namespace {

std::atomic<int> g_requested{0};
std::atomic<long> g_requested_at{0};  // milliseconds of CLOCK_MONOTONIC
std::atomic<bool> g_continued{false};
std::atomic<int> g_wake_fd{-1};
struct sigaction g_old_crash[NSIG];

long milliseconds() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<long>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

void wake() {
    const char byte = 0;
    // A full pipe is as good as a written byte: the reader wakes.
    [[maybe_unused]] const ssize_t n = write(g_wake_fd, &byte, 1);
}

void on_terminate(int number, siginfo_t*, void*) {
    const int error = errno;
    int expected = 0;
    if (g_requested.compare_exchange_strong(expected, number)) {
        g_requested_at = milliseconds();
        wake();
    } else if (milliseconds() - g_requested_at > 1000) {
        // Nobody has listened for a second: timeout(1) sends a signal twice at once, an impatient user later.
        Terminal::emergency_restore();
        signal(number, SIG_DFL);
        raise(number);
    }
    errno = error;
}

void on_stop(int, siginfo_t*, void*) {
    const int error = errno;
    Terminal::emergency_restore();
    raise(SIGSTOP);
    errno = error;
}

void on_continue(int, siginfo_t*, void*) {
    const int error = errno;
    g_continued = true;
    wake();
    errno = error;
}

void on_crash(int number, siginfo_t* info, void*) {
    Terminal::emergency_restore();
    // Whoever was there before (a sanitizer, or the default) shall have it.  A fault happens again by itself.
    sigaction(number, &g_old_crash[number], nullptr);
    if (info->si_code <= 0) raise(number);
}

}  // namespace

HostSignals::HostSignals() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        throw std::runtime_error(std::string("cannot make a pipe: ") + std::strerror(errno));
    }
    read_end_.reset(ends[0]);
    write_end_.reset(ends[1]);
    g_wake_fd = ends[1];
    g_requested = 0;
    g_continued = false;
    for (const int s : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) install(s, on_terminate);
    install(SIGTSTP, on_stop);
    install(SIGCONT, on_continue);
    for (const int s : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS}) {
        install(s, on_crash);
        g_old_crash[s] = old_.back().action;
    }
    install(SIGPIPE, nullptr);
}

void HostSignals::install(int number, void (*handler)(int, siginfo_t*, void*)) {
    Old old{number, {}};
    sigaction(number, nullptr, &old.action);
    const bool ignored = old.action.sa_handler == SIG_IGN;
    if (handler == on_terminate && ignored) return;
    struct sigaction action {};
    if (handler) {
        action.sa_sigaction = handler;
        action.sa_flags = SA_SIGINFO;
    } else {
        action.sa_handler = SIG_IGN;
    }
    sigfillset(&action.sa_mask);
    sigaction(number, &action, nullptr);
    old_.push_back(old);
}

HostSignals::~HostSignals() {
    for (const Old& old : old_) sigaction(old.number, &old.action, nullptr);
    g_wake_fd = -1;
}

void HostSignals::clear() {
    char bytes[64];
    while (read(read_end_.get(), bytes, sizeof bytes) > 0) {
    }
}

int HostSignals::requested() const {
    return g_requested;
}

bool HostSignals::take_continued() {
    return g_continued.exchange(false);
}

}  // namespace ringpress
