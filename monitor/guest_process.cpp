#include "monitor/guest_process.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include "monitor/fault_signals.hpp"
#include "monitor/inherited_strings.hpp"

namespace ringpress {

namespace {

/// Closes every descriptor but those to keep.
void close_others(std::vector<int> keep) {
    std::sort(keep.begin(), keep.end());
    unsigned from = 0;
    for (const int fd : keep) {
        if (static_cast<unsigned>(fd) > from) close_range(from, static_cast<unsigned>(fd) - 1, 0);
        from = static_cast<unsigned>(fd) + 1;
    }
    close_range(from, ~0u, 0);
}

/// Capabilities of a root user's process: gone, in every set.  Raw calls, since libcap is not worth a
/// dependency.
void drop_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    syscall(SYS_capset, &header, none);
}

sigset_t all_but_faults() {
    sigset_t set;
    sigfillset(&set);
    for (const int signal : kFaultSignals) sigdelset(&set, signal);
    return set;
}

void isolate() {
    // Best effort: a host that forbids user namespaces still has the seccomp filter.  An ordinary user gets
    // the other namespaces only together with a user namespace; root may get them without.
    constexpr int kOthers = CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS;
    if (unshare(CLONE_NEWUSER | kOthers) != 0 && unshare(kOthers) != 0) errno = 0;
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    // Under setarch -X every readable mapping would be executable, guest RAM included.
    const int execution_domain = personality(0xFFFFFFFF);
    if (execution_domain >= 0) personality(static_cast<unsigned>(execution_domain) & ~READ_IMPLIES_EXEC);
    drop_capabilities();
    prctl(PR_SET_DUMPABLE, 0);
}

}  // namespace

GuestProcess::GuestProcess(const std::vector<int>& keep, const std::function<void()>& body) {
    const pid_t supervisor = getpid();
    std::fflush(nullptr);
    // ring() may come before the engine in the new process can answer, and so may anybody's signal.
    const sigset_t waiting = all_but_faults();
    sigset_t before;
    pthread_sigmask(SIG_SETMASK, &waiting, &before);
    pid_ = fork();
    if (pid_ != 0) pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (pid_ < 0)
        throw std::runtime_error(std::string("cannot start the guest process: ") + std::strerror(errno));
    if (pid_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != supervisor) _exit(2);  // it died before the line above
        prctl(PR_SET_NAME, "ringpress-guest");
        setsid();  // the terminal's Ctrl-C is not for this process
        wipe_inherited_strings();
        close_others(keep);
        isolate();
        // Again, because a change of credentials may clear it, prctl(2).
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != supervisor) _exit(2);
        try {
            body();
        } catch (...) {
            _exit(2);
        }
        _exit(70);
    }
    pidfd_.reset(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
    if (!pidfd_)
        throw std::runtime_error(std::string("cannot watch the guest process: ") + std::strerror(errno));
}

GuestProcess::~GuestProcess() {
    if (pid_ <= 0 || reaped_) return;
    kill();
    wait();
}

void GuestProcess::ring() const {
    syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGUSR1, nullptr, 0);
}
void GuestProcess::kill() const {
    syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
}

int GuestProcess::wait_for_stop() {
    while (!reaped_) {
        int status = 0;
        if (waitpid(pid_, &status, __WALL) == pid_) {
            if (WIFSTOPPED(status)) return WSTOPSIG(status);
            status_ = status;
            reaped_ = true;
        } else if (errno != EINTR) {
            reaped_ = true;
        }
    }
    return 0;
}

int GuestProcess::wait() {
    while (wait_for_stop() != 0) {
    }
    return status_;
}

}  // namespace ringpress
