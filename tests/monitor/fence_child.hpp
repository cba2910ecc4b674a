// A child process behind the fence, in which a test tries one thing and which tells what became of it.
//
// Behind the fence there is no exit and no output: what is left is the event counter, so the child writes its
// answer there and waits to be killed.
#pragma once

#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <string>

#include "monitor/core_syscalls.hpp"
#include "monitor/memory_file.hpp"
#include "monitor/seccomp_filter.hpp"
#include "monitor/unique_fd.hpp"

namespace ringpress::test {

/// What became of it, as text so that a failed comparison can be read: "killed by the fence", "returned 0"...
using Outcome = std::string;
inline const Outcome kKilled = "killed by the fence";
inline Outcome returned(long value) {
    return "returned " + std::to_string(value);
}

class FenceChild {
  public:
    static constexpr std::uint32_t kFileBytes = 1 << 20;

    explicit FenceChild(bool executable_ram = false)
        : ram("test-ram", kFileBytes),
          views("test-views", kFileBytes),
          arena("test-arena", 4096),
          notify(eventfd(0, EFD_CLOEXEC)),
          doorbell_page(arena.map()) {
        config = {ram.fd(), views.fd(), notify.get(), doorbell_page.get_address(), executable_ram};
    }

    /// Runs `attempt` behind the fence; `before` in the same child just before the fence goes up.
    Outcome run(const std::function<long()>& attempt, const std::function<void()>& before = {},
                const std::function<void(pid_t)>& meanwhile = {}) {
        drain();
        const pid_t pid = fork();
        if (pid == 0) {
            alarm(20);
            const rlimit none{0, 0};
            setrlimit(RLIMIT_CORE, &none);
            // Signal handlers of the test framework are not wanted here.
            for (const int s : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGABRT})
                signal(s, SIG_DFL);
            if (before) before();
            install_fence(config);
            answer(attempt());
        }
        if (meanwhile) meanwhile(pid);
        return outcome_of(pid);
    }

    /// Ends the attempt with a result, from wherever it is, and does not return.  The compiler shall not know:
    /// AddressSanitizer would make a system call before each call of it.
    [[gnu::noipa]] void answer(long value) const {
        const std::uint64_t number = static_cast<std::uint64_t>(value + kBias);
        core_write(notify.get(), &number, sizeof number);
        for (;;) core_futex(config.doorbell, FUTEX_WAIT, 0, nullptr);
    }

    MemoryFile ram, views, arena;
    UniqueFd notify;
    boost::interprocess::mapped_region doorbell_page;
    FenceConfig config;

  private:
    static constexpr long kBias = 10'000;  ///< a counter holds no negative numbers, and zero is no event

    void drain() const {
        pollfd ready{notify.get(), POLLIN, 0};
        std::uint64_t rest;
        if (poll(&ready, 1, 0) == 1) REQUIRE(read(notify.get(), &rest, sizeof rest) == sizeof rest);
    }

    Outcome outcome_of(pid_t pid) const {
        const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
        pollfd fds[2] = {{notify.get(), POLLIN, 0}, {pidfd.get(), POLLIN, 0}};
        poll(fds, 2, 30'000);
        std::uint64_t number = 0;
        const bool answered =
            (fds[0].revents & POLLIN) && read(notify.get(), &number, sizeof number) == sizeof number;
        kill(pid, SIGKILL);
        int status = 0;
        waitpid(pid, &status, 0);
        if (answered) return returned(static_cast<long>(number) - kBias);
        if (WIFEXITED(status)) return "ended by itself with status " + std::to_string(WEXITSTATUS(status));
        if (WTERMSIG(status) == SIGSYS) return kKilled;
        return "ended by signal " + std::to_string(WTERMSIG(status));
    }
};

}  // namespace ringpress::test
