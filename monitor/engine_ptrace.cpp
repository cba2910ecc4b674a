#include "monitor/engine_ptrace.hpp"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <future>
#include <optional>
#include <semaphore>
#include <stdexcept>
#include <thread>

#include "monitor/engine_common.hpp"
#include "monitor/engine_ptrace_child.hpp"
#include "monitor/engine_ptrace_loop.hpp"
#include "monitor/fault_signals.hpp"
#include "monitor/guest_process.hpp"
#include "shadow/check.hpp"

namespace ringpress {

namespace {

constexpr int kTimerSignal = SIGALRM;

/// A stop and the two context switches around it cost 5 us if both processes share a processor, and 77 us if
/// the wake-ups cross from one to another.  A process forked from here inherits it.
void stay_on_this_processor() {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<unsigned>(sched_getcpu()), &set);
    sched_setaffinity(0, sizeof set, &set);
}

/// The world's signals are for the supervisor's main thread; only what this thread does itself is for it.
/// SIGCHLD, which the kernel sends at every stop, is ignored only where it is not blocked: blocked here, it
/// would wake the main thread each time.
sigset_t not_for_the_tracing_thread() {
    sigset_t set;
    sigfillset(&set);
    for (const int s : kFaultSignals) sigdelset(&set, s);
    for (const int s : {SIGABRT, SIGCHLD, kTimerSignal}) sigdelset(&set, s);
    return set;
}

class PtraceGuest final : public RunningGuest {
  public:
    PtraceGuest(const EngineSetup& setup, HostSpaceBatch& batch);
    ~PtraceGuest() override { end(); }
    int pidfd() const override { return process_->pidfd(); }
    void ring() override { process_->ring(); }
    int end() override;

  private:
    void trace(std::promise<void>& started);
    int create_timer();
    [[noreturn]] void park();
    static void on_timer(int);
    static void on_bug(const char* what, const char* file, int line);

    static thread_local PtraceGuest* of_this_thread;

    const EngineSetup setup_;
    HostSpaceBatch& batch_;
    std::optional<GuestProcess> process_;
    std::optional<CoreLoop> core_;
    std::optional<TraceLoop> loop_;
    int timer_ = -1;
    std::thread thread_;
    std::binary_semaphore finished_{0};  ///< the thread touches nothing any more: it returns, or is parked
    std::atomic<bool> over_{false};      ///< and it has been decided which
    std::atomic<bool> parked_{false};
    std::atomic<bool> abandoned_{false};  ///< whatever the thread is doing, it shall park
};

thread_local PtraceGuest* PtraceGuest::of_this_thread = nullptr;

PtraceGuest::PtraceGuest(const EngineSetup& setup, HostSpaceBatch& batch) : setup_(setup), batch_(batch) {
    struct sigaction action {};
    action.sa_handler = on_timer;
    action.sa_flags = SA_RESTART;
    sigaction(kTimerSignal, &action, nullptr);

    const sigset_t blocked = not_for_the_tracing_thread();
    sigset_t old;
    std::promise<void> started;
    std::future<void> start = started.get_future();
    pthread_sigmask(SIG_SETMASK, &blocked, &old);
    thread_ = std::thread([this, started = std::move(started)]() mutable { trace(started); });
    pthread_sigmask(SIG_SETMASK, &old, nullptr);
    try {
        start.get();
    } catch (...) {
        thread_.join();
        throw;
    }
}

/// The tracing thread.  It forks the guest process itself: only the parent thread may trace it from the
/// start.
void PtraceGuest::trace(std::promise<void>& started) {
    try {
        of_this_thread = this;
        set_bug_handler(on_bug);
        stay_on_this_processor();
        const EngineSetup& s = setup_;
        process_.emplace(std::vector<int>{s.ram_fd, s.view_fd},
                         [&] { run_traced(s.ram_fd, s.view_fd, s.executable_ram, batch_.memory()); });
        core_.emplace(*s.core, *s.arena, create_timer());
        loop_.emplace(*process_, *core_, batch_, s.arena->shadow);
    } catch (...) {
        started.set_exception(std::current_exception());
        return;
    }
    started.set_value();

    if (loop_->start()) {
        setup_.core->start_clock();
        loop_->run();
    }
    notify_supervisor();
    process_->kill();
    process_->wait();
    if (!over_.exchange(true)) finished_.release();
}

/// A timer whose signal this thread gets.
int PtraceGuest::create_timer() {
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = kTimerSignal;
    event._sigev_un._tid = gettid();
    if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer_) != 0)
        throw std::runtime_error(std::string("no timer to be had: ") + std::strerror(errno));
    return timer_;
}

void PtraceGuest::on_timer(int) {
    PtraceGuest* self = of_this_thread;
    if (!self) return;  // sent by someone, to the main thread
    if (self->abandoned_.load() && !self->over_.exchange(true)) self->park();
    const int error = errno;
    if (self->loop_) self->loop_->timer_fired();
    errno = error;
}

void PtraceGuest::on_bug(const char* what, const char* file, int line) {
    PtraceGuest* self = of_this_thread;
    if (!self || !self->loop_) {
        std::fprintf(stderr, "ringpress: internal error: %s (%s:%d)\n", what, file, line);
        return;  // report_bug() aborts
    }
    self->core_->stop_at_bug(what, file, line);
    notify_supervisor();
    self->over_.store(true);
    self->park();
}

/// Stays here for good, wherever it was called from: nothing between here and trace() is fit to be unwound.
void PtraceGuest::park() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    parked_.store(true);
    finished_.release();
    for (;;) pause();
}

int PtraceGuest::end() {
    if (!thread_.joinable()) return process_->wait();
    core_->leave();
    process_->kill();
    if (!finished_.try_acquire_for(std::chrono::seconds(2))) {
        // The core runs in circles.
        abandoned_.store(true);
        pthread_kill(thread_.native_handle(), kTimerSignal);
        finished_.acquire();
    }
    syscall(SYS_timer_delete, timer_);
    if (parked_.load())
        thread_.detach();
    else
        thread_.join();
    return process_->wait();
}

}  // namespace

std::unique_ptr<RunningGuest> start_ptrace_engine(const EngineSetup& setup, HostSpaceBatch& batch) {
    return std::make_unique<PtraceGuest>(setup, batch);
}

}  // namespace ringpress
