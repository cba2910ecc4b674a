#include "monitor/guest_life.hpp"

#include <fmt/format.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

#include "monitor/devices/mp_table.hpp"
#include "monitor/engine_common.hpp"
#include "monitor/engine_ptrace.hpp"
#include "monitor/engine_seccomp.hpp"
#include "monitor/exit_codes.hpp"
#include "monitor/guest_end.hpp"
#include "shadow/gate_sites.hpp"

namespace ringpress {

namespace {

using RealSeconds = std::chrono::duration<double>;

/// The arena begins as zeroes, which is the empty state of nearly all of it: only the rest is constructed, so
/// that the large tables are not touched.
Arena& make_arena(const SharedMemory& memory) {
    auto* arena = static_cast<Arena*>(memory.arena.get_address());
    arena->magic = kArenaMagic;
    arena->version = kArenaVersion;
    arena->ram_bytes = static_cast<std::uint32_t>(memory.ram_bytes().size());
    arena->supervisor_pid = getpid();
    new (&arena->cpu) VCpu{};
    new (&arena->devices) DeviceState{};
    return *arena;
}

UniqueFd make_notify_fd() {
    UniqueFd notify(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!notify) throw std::runtime_error("no event descriptor to be had");
    set_notify_fd(notify.get());
    return notify;
}

/// Memory that a process forked later shall not have.
void keep_to_ourselves(void* memory, std::size_t bytes) {
    if (bytes && madvise(memory, bytes, MADV_DONTFORK) != 0)
        throw std::runtime_error(std::string("cannot keep memory from the guest process: ") +
                                 std::strerror(errno));
}

bool starts_stopped(const RunResources& run, const std::optional<Snapshot>& from) {
    return run.first_life ? run.config.stop_at_start : from && !run.machine.ran_before_load();
}

}  // namespace

SharedMemory::SharedMemory(std::optional<Snapshot>& from, std::uint32_t ram_bytes)
    : ram_file(from ? std::move(from->ram) : ram_file_for(ram_bytes)),
      view_file("ringpress-views", std::uint64_t{kViewSlots} * kPageSize + kGateRange),
      arena_file("ringpress-arena", sizeof(Arena)),
      ram(ram_file.map()),
      views(view_file.map()),
      arena(arena_file.map()) {}

GuestLife::GuestLife(RunResources& run, std::optional<Snapshot> from)
    : run_(run),
      from_(std::move(from)),
      stay_stopped_(starts_stopped(run, from_)),
      memory_(from_, run.config.ram_bytes),
      arena_(make_arena(memory_)),
      notify_(make_notify_fd()),
      direct_(memory_.ram_bytes().data(), memory_.ram_file.fd(), memory_.view_file.fd()),
      batch_(run.config.engine == Engine::ptrace
                 ? std::make_optional<HostSpaceBatch>(memory_.ram_bytes().data(), memory_.ram_file.fd(),
                                                      memory_.view_file.fd())
                 : std::nullopt),
      core_(run.config,
            {&arena_, memory_.ram_bytes().data(), arena_.ram_bytes,
             static_cast<std::uint8_t*>(memory_.views.get_address()), memory_.stubs()},
            host(), run.limits, disks(), notify_supervisor),
      control_(arena_, stay_stopped_ || from_),
      access_(arena_, memory_.ram_bytes()),
      debugged_{arena_, control_, access_,
                [this](const std::string& line) { return run_.debugger_monitor.run(line); },
                [this] { quit_ = true; }} {
    run_.first_life = false;
    run_.traps.begin(arena_, std::as_bytes(memory_.ram_bytes()),
                     run_.traps.wants_symbols() ? run_.symbols.get() : GuestSymbols());
    access_.on_write([this](gpa) { control_.state_replaced(); });
    power_on();
    run_.gdb.begin_life(debugged_);
    start();
}

std::vector<Disk> GuestLife::disks() const {
    std::vector<Disk> disks;
    for (const DriveImage& drive : run_.drives) disks.push_back(drive.disk());
    return disks;
}

/// What firmware and a boot loader have done when a kernel gets control.
void GuestLife::power_on() {
    const std::span<std::uint8_t> ram = memory_.ram_bytes();
    if (!from_) apply(run_.load(std::as_writable_bytes(ram)), arena_.cpu);
    core_.pc().power_on();
    if (run_.config.board == Board::pc && !from_) write_mp_table(ram, core_.cpu_model());
}

/// With the ptrace engine the guest process needs none of it.
void GuestLife::keep_state_from_guest_process() {
    for (const auto* region : {&memory_.ram, &memory_.views, &memory_.arena})
        keep_to_ourselves(region->get_address(), region->get_size());
    for (const DriveImage& drive : run_.drives)
        for (const auto& region : drive.regions()) keep_to_ourselves(region.data(), region.size());
}

void GuestLife::start() {
    const EngineSetup setup{&core_,
                            &arena_,
                            memory_.ram_bytes(),
                            memory_.ram_file.fd(),
                            memory_.view_file.fd(),
                            notify_.get(),
                            run_.config.user_code == UserCode::direct};
    if (batch_) keep_state_from_guest_process();
    guest_ = batch_ ? start_ptrace_engine(setup, *batch_) : start_seccomp_engine(setup);
    began_ = Clock::now();

    const auto ring = [this] { wake_core(); };
    const std::span<std::uint8_t> ram = memory_.ram_bytes();
    console_.emplace(run_.config, arena_, RamView{ram.data(), arena_.ram_bytes}, ring,
                     run_.monitor_terminal ? &*run_.monitor_terminal : nullptr);
    control_.set_ring(ring);
    run_.machine.begin({arena_, memory_.arena_file.fd(), ram, control_, ring, notify_.get(),
                        core_.cpu_model(), core_.pc(), run_.drives, run_.traps, run_.gdb});
    services_.add(run_.traps);
    services_.add(*run_.control_server);
    if (run_.monitor_socket) services_.add(*run_.monitor_socket);
    services_.add(control_);
    if (from_) run_.machine.restore(*from_, !stay_stopped_);
    services_.add(run_.gdb);
}

/// A halted core sleeps on the doorbell; one that runs guest code hears a signal.
void GuestLife::wake_core() {
    arena_.doorbell.fetch_add(1);
    if (arena_.asleep.load())
        syscall(SYS_futex, &arena_.doorbell, FUTEX_WAKE, 1, nullptr, nullptr, 0);
    else
        guest_->ring();
}

std::optional<ExitReport> GuestLife::live() {
    Next next = Next::goes_on;
    while (next == Next::goes_on) {
        wait_and_serve();
        next = judge();
    }
    if (next == Next::over) return end();
    if (run_.limited()) run_.deadline = time_limit();
    run_.gdb.end_life();
    close_outputs();
    return std::nullopt;
}

void GuestLife::wait_and_serve() {
    std::vector<pollfd>& fds = services_.fds();
    fds.assign({{notify_.get(), POLLIN, 0}, {guest_->pidfd(), POLLIN, 0}});
    fds.resize(2 + ConsoleIo::kMaxPollFds);
    const int console_fds = console_->poll_fds(fds.data() + 2, ConsoleIo::kMaxPollFds);
    fds.resize(2 + static_cast<std::size_t>(console_fds));
    services_.add_poll_fds();
    const int timeout = timeout_ms();
    arena_.supervisor_waits.store(1);
    console_->drain();
    poll(fds.data(), fds.size(), timeout);
    arena_.supervisor_waits.store(0);
    std::uint64_t rung;
    if (fds[0].revents && read(notify_.get(), &rung, sizeof rung) < 0) rung = 0;
    guest_died_ = fds[1].revents != 0;
    console_->handle(fds.data() + 2, console_fds);
    console_->drain();
    services_.handle();
}

int GuestLife::timeout_ms() {
    const int timeout = earlier(console_->timeout_ms(), services_.timeout_ms());
    if (!run_.limited() || control_.stopped()) return timeout;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(time_limit() - Clock::now()).count();
    return earlier(timeout, left > 0 ? static_cast<int>(std::min<long>(left + 1, 1'000'000)) : 0);
}

/// While the guest is stopped its time stands still, and so does what is left of its time limit.
GuestLife::Clock::time_point GuestLife::time_limit() const {
    return run_.deadline +
           std::chrono::duration_cast<Clock::duration>(RealSeconds(control_.stopped_seconds()));
}
bool GuestLife::time_is_up() const {
    return run_.limited() && Clock::now() >= time_limit();
}

/// Whether something wants the guest to end.  What the guest itself has said goes before what came from
/// outside.
GuestLife::Next GuestLife::judge() {
    if (const StopReason reason = arena_.stop.reason.load(); reason != StopReason::none) {
        guest_->end();
        if (reason == StopReason::reset && run_.can_start_over()) return Next::another_life;
        report_ = explain_stop(arena_, reason);
        return Next::over;
    }
    if (guest_died_) {
        report_ = explain_death(arena_, guest_->end());
        return Next::over;
    }
    if (console_->quit_requested() != Quit::none) {
        report_.message = console_->quit_message();
        report_.signal = console_->quit_signal();
        if (console_->quit_requested() == Quit::output_failed)
            report_.code = exit_status(ExitCode::host_error);
        return Next::over;
    }
    if (const Next wish = judge_wish(); wish != Next::goes_on) return wish;
    if (quit_) return Next::over;
    if (!time_is_up()) return Next::goes_on;
    report_.code = exit_status(ExitCode::time_limit);
    report_.message = fmt::format("the guest ran into --time-limit {}", run_.config.time_limit);
    return Next::over;
}

/// What a command of the monitor has asked for.
GuestLife::Next GuestLife::judge_wish() {
    switch (run_.machine.wish()) {
        case LiveMachine::Wish::none: return Next::goes_on;
        case LiveMachine::Wish::quit: return Next::over;
        case LiveMachine::Wish::reset:
            if (!run_.can_start_over()) return Next::over;
            break;
        case LiveMachine::Wish::load: break;
    }
    guest_->end();
    run_.next = run_.machine.take_snapshot();
    return Next::another_life;
}

/// Nothing comes from the guest any more.
void GuestLife::close_outputs() {
    console_->finish();
    run_.traps.finish();
}

ExitReport GuestLife::end() {
    guest_->end();
    close_outputs();
    report_.trace_complaint = run_.traps.complaint();
    run_.gdb.end_run(report_.code);
    report_.statistics = counted(arena_);
    report_.seconds = RealSeconds(Clock::now() - began_).count();
    for (const DriveImage& drive : run_.drives) drive.sync();
    return std::move(report_);
}

}  // namespace ringpress
