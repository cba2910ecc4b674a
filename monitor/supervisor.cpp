#include "monitor/supervisor.hpp"

#include <fmt/format.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <new>
#include <optional>
#include <stdexcept>
#include <utility>

#include "monitor/arena.hpp"
#include "monitor/boot/loader.hpp"
#include "monitor/console_io.hpp"
#include "monitor/control/control_server.hpp"
#include "monitor/control/live_machine.hpp"
#include "monitor/control/monitor_socket.hpp"
#include "monitor/debug/gdb_server.hpp"
#include "monitor/debug/run_control.hpp"
#include "monitor/devices/mp_table.hpp"
#include "monitor/drive_image.hpp"
#include "monitor/engine_common.hpp"
#include "monitor/engine_ptrace.hpp"
#include "monitor/engine_seccomp.hpp"
#include "monitor/exit_codes.hpp"
#include "monitor/guest_end.hpp"
#include "monitor/host_file.hpp"
#include "monitor/host_space_batch.hpp"
#include "monitor/host_space_direct.hpp"
#include "monitor/machine_core.hpp"
#include "monitor/memory_file.hpp"
#include "monitor/service_list.hpp"
#include "monitor/trace/trap_stream.hpp"
#include "monitor/vm_directory.hpp"
#include "shadow/gate_sites.hpp"

namespace ringpress {

namespace {

using Clock = std::chrono::steady_clock;

/// The arena begins as zeroes, which is the empty state of nearly all of it: only the rest is constructed, so
/// that the large tables are not touched.
Arena& make_arena(void* memory, std::uint32_t ram_bytes) {
    auto* arena = static_cast<Arena*>(memory);
    arena->magic = kArenaMagic;
    arena->version = kArenaVersion;
    arena->ram_bytes = ram_bytes;
    arena->supervisor_pid = getpid();
    new (&arena->cpu) VCpu{};
    new (&arena->devices) DeviceState{};
    return *arena;
}

/// Memory that a process forked later shall not have: all state, with the ptrace engine.
void keep_to_ourselves(void* memory, std::size_t bytes) {
    if (bytes && madvise(memory, bytes, MADV_DONTFORK) != 0)
        throw std::runtime_error(std::string("cannot keep memory from the guest process: ") +
                                 std::strerror(errno));
}

struct LoadedFile {
    std::vector<std::uint8_t> bytes;
    std::string arguments;
};

}  // namespace

struct Supervisor::Impl {
    explicit Impl(const RunConfig& c);
    ExitReport run();
    /// One life of the guest, from power-on or from a snapshot; nothing if another is to follow.
    std::optional<ExitReport> live(std::optional<Snapshot> from);
    BootState load(std::span<std::byte> ram);
    void open_monitors();
    bool can_start_over() const { return !config.no_reboot && !kernel.empty(); }

    RunConfig config;
    std::optional<VmName> name;
    std::vector<std::uint8_t> kernel;
    std::vector<LoadedFile> modules;
    std::vector<DriveImage> drives;
    HostLimits limits;
    Clock::time_point deadline = Clock::time_point::max();
    bool first_life = true;
    std::optional<Snapshot> next;  ///< what the next life begins with; none: power-on
    std::optional<GdbServer> gdb;
    TrapStream traps;
    SymbolsOnDemand symbols{config};
    LiveMachine machine{config, symbols};
    HumanMonitor debugger_monitor{machine};
    std::optional<ControlServer> control_server;
    std::optional<MonitorSocket> monitor_socket;
    std::optional<MonitorTerminal> monitor_terminal;
};

Supervisor::Impl::Impl(const RunConfig& c) : config(c), limits(host_limits()), traps(c) {
    if (!config.load_file.empty()) {
        next.emplace(load_snapshot(config.load_file));
        complete_from_snapshot(config, next->facts);
    }
    name.emplace(config.name.empty() ? default_vm_name() : config.name);
    config.name = name->text();
    if (!config.kernel.empty()) kernel = read_host_file(config.kernel, "kernel", config.ram_bytes);
    if (!config.symbols.empty()) symbols.get();  // a file that has none is told before the guest starts
    const GdbAddress debugger = GdbAddress::parse(config.gdb);
    if (!debugger.none) gdb.emplace(debugger);
    for (const std::string& module : config.initrds) {
        const std::size_t blank = module.find(' ');
        modules.push_back({read_host_file(module.substr(0, blank), "initrd", config.ram_bytes), module});
    }
    for (const DriveConfig& drive : config.drives) drives.emplace_back(drive);
    limits.low_floor = std::max(limits.low_floor, config.low_memory_floor);
    struct sysinfo host {};
    sysinfo(&host);
    if (std::uint64_t{host.totalram} * host.mem_unit < config.ram_bytes)
        throw std::runtime_error(fmt::format(
            "-m {} MiB is more memory than this host has; give the guest less", config.ram_bytes >> 20));
    open_monitors();
}

void Supervisor::Impl::open_monitors() {
    using Kind = MonitorChannel::Kind;
    control_server.emplace(name->fd(), machine);
    if (config.monitor.is_socket()) monitor_socket.emplace(config.monitor, machine);
    const bool beside_console = config.monitor.kind == Kind::console && config.serial == "stdio";
    if (beside_console || config.monitor.kind == Kind::stdio)
        monitor_terminal.emplace(
            machine, isatty(STDIN_FILENO) ? MonitorTerminal::Style::edited : MonitorTerminal::Style::plain);
}

BootState Supervisor::Impl::load(std::span<std::byte> ram) {
    BootOptions options;
    options.kernel_name = config.kernel;
    options.command_line = config.append;
    // A place without a drive has an empty image.
    options.hard_disks = static_cast<unsigned>(
        std::count_if(drives.begin(), drives.end(), [](const DriveImage& d) { return d.sectors() != 0; }));
    for (const LoadedFile& m : modules)
        options.modules.push_back({std::as_bytes(std::span(m.bytes)), m.arguments});
    return load_kernel(std::as_bytes(std::span(kernel)), ram, options);
}

std::optional<ExitReport> Supervisor::Impl::live(std::optional<Snapshot> from) {
    const MemoryFile ram_file = from ? std::move(from->ram) : MemoryFile("ringpress-ram", config.ram_bytes);
    const MemoryFile view_file("ringpress-views", std::uint64_t{kViewSlots} * kPageSize + kLandingRange);
    const MemoryFile arena_file("ringpress-arena", sizeof(Arena));
    const auto ram = ram_file.map(), views = view_file.map(), arena_map = arena_file.map();
    Arena& arena = make_arena(arena_map.get_address(), config.ram_bytes);
    auto* ram_bytes = static_cast<std::uint8_t*>(ram.get_address());
    traps.begin(arena, std::as_bytes(std::span(ram_bytes, config.ram_bytes)),
                traps.wants_symbols() ? symbols.get() : GuestSymbols());

    if (!from) apply(load({static_cast<std::byte*>(ram.get_address()), config.ram_bytes}), arena.cpu);
    const UniqueFd notify(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!notify) throw std::runtime_error("no event descriptor to be had");
    set_notify_fd(notify.get());

    std::vector<Disk> disks;
    for (const DriveImage& drive : drives) disks.push_back(drive.disk());
    HostSpaceDirect direct(ram_file.fd(), view_file.fd());
    std::optional<HostSpaceBatch> batch;
    if (config.engine == Engine::ptrace) batch.emplace(ram_file.fd(), view_file.fd());
    HostSpace& host = batch ? static_cast<HostSpace&>(*batch) : direct;
    MachineCore core(config,
                     {&arena, ram_bytes, config.ram_bytes, static_cast<std::uint8_t*>(views.get_address())},
                     host, limits, disks, notify_supervisor);
    core.pc().power_on();
    if (config.board == Board::pc && !from) write_mp_table({ram_bytes, config.ram_bytes}, core.cpu_model());

    const EngineSetup setup{&core,          &arena,       ram_file.fd(),
                            view_file.fd(), notify.get(), config.user_code == UserCode::direct};
    if (batch) {
        for (const auto* region : {&ram, &views, &arena_map})
            keep_to_ourselves(region->get_address(), region->get_size());
        for (const DriveImage& drive : drives)
            for (const auto& region : drive.regions()) keep_to_ourselves(region.data(), region.size());
    }
    const bool stay_stopped = first_life ? config.stop_at_start : from && !machine.ran_before_load();
    RunControl control(arena, stay_stopped || from);
    first_life = false;
    GuestAccess access(arena, {ram_bytes, config.ram_bytes});
    access.on_write([&](gpa) { control.state_replaced(); });
    bool quit = false;
    GdbTarget debugged{arena, control, access,
                       [&](const std::string& line) { return debugger_monitor.run(line); },
                       [&] { quit = true; }};
    if (gdb) gdb->begin_life(debugged);
    const std::unique_ptr<RunningGuest> guest =
        batch ? start_ptrace_engine(setup, *batch) : start_seccomp_engine(setup);
    const auto began = Clock::now();
    const auto ring = [&] {
        arena.doorbell.fetch_add(1);
        if (arena.asleep.load())
            syscall(SYS_futex, &arena.doorbell, FUTEX_WAKE, 1, nullptr, nullptr, 0);
        else
            guest->ring();
    };
    ConsoleIo console(config, arena, {ram_bytes, config.ram_bytes}, ring,
                      monitor_terminal ? &*monitor_terminal : nullptr);
    ServiceList services;
    services.add(traps);
    control.set_ring(ring);
    machine.begin({arena,
                   arena_file.fd(),
                   {ram_bytes, config.ram_bytes},
                   control,
                   ring,
                   notify.get(),
                   core.cpu_model(),
                   core.bus(),
                   drives});
    services.add(*control_server);
    if (monitor_socket) services.add(*monitor_socket);
    services.add(control);
    if (from) machine.restore(*from, !stay_stopped);
    if (gdb) services.add(*gdb);
    // While the guest is stopped its time stands still, and so does what is left of its time limit.
    const auto limit = [&] {
        return deadline + std::chrono::duration_cast<Clock::duration>(
                              std::chrono::duration<double>(control.stopped_seconds()));
    };

    ExitReport report;
    for (;;) {
        std::vector<pollfd>& fds = services.fds();
        fds.assign({{notify.get(), POLLIN, 0}, {guest->pidfd(), POLLIN, 0}});
        fds.resize(2 + ConsoleIo::kMaxPollFds);
        const int console_fds = console.poll_fds(fds.data() + 2, ConsoleIo::kMaxPollFds);
        fds.resize(2 + static_cast<std::size_t>(console_fds));
        services.add_poll_fds();
        int timeout = earlier(console.timeout_ms(), services.timeout_ms());
        const bool limited = deadline != Clock::time_point::max();
        if (limited && !control.stopped()) {
            const auto left =
                std::chrono::duration_cast<std::chrono::milliseconds>(limit() - Clock::now()).count();
            timeout = earlier(timeout, left > 0 ? static_cast<int>(std::min<long>(left + 1, 1'000'000)) : 0);
        }
        arena.supervisor_waits.store(1);
        console.drain();
        poll(fds.data(), fds.size(), timeout);
        arena.supervisor_waits.store(0);
        std::uint64_t rung;
        if (fds[0].revents && read(notify.get(), &rung, sizeof rung) < 0) rung = 0;
        console.handle(fds.data() + 2, console_fds);
        console.drain();
        services.handle();

        const StopReason reason = arena.stop.reason.load();
        if (reason != StopReason::none) {
            guest->end();
            if (reason == StopReason::reset && can_start_over()) {
                if (limited) deadline = limit();
                if (gdb) gdb->end_life();
                console.finish();
                traps.finish();
                return std::nullopt;
            }
            report = explain_stop(arena, reason);
            break;
        }
        if (fds[1].revents) {
            report = explain_death(arena, guest->end());
            break;
        }
        if (console.quit_requested() != Quit::none) {
            report.message = console.quit_message();
            report.signal = console.quit_signal();
            if (console.quit_requested() == Quit::output_failed)
                report.code = exit_status(ExitCode::host_error);
            break;
        }
        if (machine.wish() == LiveMachine::Wish::quit) break;
        if (machine.wish() != LiveMachine::Wish::none) {
            guest->end();
            if (limited) deadline = limit();
            if (gdb) gdb->end_life();
            console.finish();
            traps.finish();
            const bool over = machine.wish() == LiveMachine::Wish::reset && !can_start_over();
            next = machine.take_snapshot();
            if (!over) return std::nullopt;
            break;
        }
        if (quit) break;
        if (limited && Clock::now() >= limit()) {
            report.code = exit_status(ExitCode::time_limit);
            report.message = fmt::format("the guest ran into --time-limit {}", config.time_limit);
            break;
        }
    }
    guest->end();
    console.finish();
    traps.finish();
    report.trace_complaint = traps.complaint();
    if (gdb) gdb->end_run(report.code);
    report.statistics = counted(arena);
    report.seconds = std::chrono::duration<double>(Clock::now() - began).count();
    for (const DriveImage& drive : drives) drive.sync();
    return report;
}

ExitReport Supervisor::Impl::run() {
    if (config.time_limit > 0)
        deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                      std::chrono::duration<double>(config.time_limit));
    for (;;)
        if (std::optional<ExitReport> report = live(std::exchange(next, std::nullopt))) return *report;
}

Supervisor::Supervisor(const RunConfig& config) : impl_(std::make_unique<Impl>(config)) {}
Supervisor::~Supervisor() = default;
ExitReport Supervisor::run() {
    return impl_->run();
}

}  // namespace ringpress
