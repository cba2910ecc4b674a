#include "monitor/cli_run.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <cstdio>
#include <stdexcept>

#include "monitor/cli_arguments.hpp"
#include "monitor/cli_values.hpp"
#include "monitor/debug/gdb_address.hpp"
#include "monitor/holes/names.hpp"
#include "monitor/output_sink.hpp"
#include "monitor/stats_report.hpp"
#include "monitor/supervisor.hpp"
#include "monitor/trace/trap_causes.hpp"
#include "monitor/vm_directory.hpp"

namespace ringpress {
namespace {

/// Option values as they were written.
struct RawOptions {
    bool help = false, nographic = false, snapshot = false, no_reboot = false, stop_at_start = false,
         gdb_default = false;
    std::string positional, kernel, initrd, append, memory, machine, display, debugcon, smp;
    std::string engine, sensitive, user_code, name, time_limit, floor, tune, leave_open;
    std::string stats, log_items, log_file, trace, symbols, monitor, load;
    std::string hda, hdb, hdc, hdd;
    std::string gdb;
    std::vector<std::string> serial, drives, devices;
};

CLI::Option* last_wins(CLI::Option* option) {
    return option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

void declare(CLI::App& app, RawOptions& raw) {
    const auto value = [&](const char* names, std::string& into, const char* type, const char* help) {
        return last_wins(app.add_option(names, into, help))->type_name(type);
    };
    const auto list = [&](const char* names, std::vector<std::string>& into, const char* type,
                          const char* help) {
        return app.add_option(names, into, help)
            ->type_name(type)
            ->expected(1)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    };
    const auto flag = [&](const char* names, bool& into, const char* help) {
        return app.add_flag(names, into, help);
    };

    app.set_help_flag();
    app.add_option("KERNEL", raw.positional, "Multiboot, Linux bzImage or plain ELF kernel")
        ->type_name("FILE");

    const auto guest = [](CLI::Option* o) { o->group("What to boot"); };
    guest(value("--kernel", raw.kernel, "FILE", "the same, as QEMU writes it"));
    guest(value("--initrd", raw.initrd, "FILE[,FILE]",
                "initial ramdisk, or Multiboot modules \"FILE ARGS,FILE ARGS\""));
    guest(value("--append", raw.append, "TEXT", "the kernel's command line"));

    guest(value("--load,--loadvm", raw.load, "FILE", "go on from a snapshot; see savevm in the monitor"));

    const auto machine = [](CLI::Option* o) { o->group("The machine"); };
    machine(value("--m", raw.memory, "SIZE", "memory: 64 or 64M (MiB), 2G at most; default 128M"));
    machine(value("--M,--machine", raw.machine, "pc|isapc", "with or without APICs; default pc"));
    machine(value("--smp", raw.smp, "1", "processors: one"));
    machine(list("--drive", raw.drives, "file=PATH[,...]",
                 "IDE disk, raw: format=raw snapshot=on|off if=ide index=0..3 media=disk"));
    machine(value("--hda", raw.hda, "FILE", "disk at index 0; hdb, hdc, hdd: 1, 2, 3"));
    value("--hdb", raw.hdb, "FILE", "")->group("");
    value("--hdc", raw.hdc, "FILE", "")->group("");
    value("--hdd", raw.hdd, "FILE", "")->group("");
    machine(flag("--snapshot", raw.snapshot, "forget all disk writes at the end"));
    machine(list("--device", raw.devices, "isa-debug-exit", "exit port; [,iobase=0x501][,iosize=2]"));
    machine(flag("--no-reboot", raw.no_reboot, "end when the guest resets, instead of starting over"));

    const auto console = [](CLI::Option* o) { o->group("What you see"); };
    console(list("--serial", raw.serial, "stdio|none|file:PATH", "COM1; default stdio (also mon:stdio)"));
    console(value("--monitor", raw.monitor, "CHANNEL",
                  "stdio, none, unix:PATH,server,nowait, tcp:.., telnet:..; default Ctrl-A c"));
    console(value("--debugcon", raw.debugcon, "stdio|none|file:PATH", "port 0xE9; default none"));
    console(value("--display", raw.display, "none|text", "text: the VGA text screen in this terminal"));
    console(flag("--nographic", raw.nographic, "-serial mon:stdio -display none"));
    console(value("--d", raw.log_items, "ITEMS", "log traps; -d help lists the items"));
    console(value("--D", raw.log_file, "FILE", "where -d writes; default standard error"));
    console(value("--trace", raw.trace, "FILE[,size=N]", "every trap as JSON Lines; -d chooses which"));
    console(
        value("--symbols", raw.symbols, "FILE", "names for addresses; default: those in the kernel file"));
    console(last_wins(app.add_option("--stats", raw.stats,
                                     "report what was trapped, patched and mapped, on standard error"))
                ->type_name("[json]")
                ->expected(0, 1)
                ->default_str("text"));

    const auto monitor = [](CLI::Option* o) { o->group("How it runs"); };
    monitor(value("--engine", raw.engine, "seccomp|ptrace", "how faults reach the monitor; default seccomp"));
    monitor(value("--sensitive", raw.sensitive, "ignore|trap|inline",
                  "instructions that do not fault; default inline"));
    monitor(value("--leave-open", raw.leave_open, "NAME[,NAME][@ADDRESS]",
                  "leave these holes open, at all places or at one: popf,sgdt"));
    monitor(value("--user-code", raw.user_code, "view|direct", "where guest user code runs; default view"));
    monitor(value("--tune", raw.tune, "NAME=N[,...]",
                  "set or switch off what makes it fast; --tune help lists the names"));
    monitor(value("--name", raw.name, "NAME", "a name for this machine, unique on this host and user"));
    monitor(
        value("--time-limit", raw.time_limit, "SECONDS", "end the guest after this time, with status 124"));
    const auto debugger = [](CLI::Option* o) { o->group("For a debugger"); };
    debugger(value("--gdb", raw.gdb, "tcp:[HOST]:PORT|unix:PATH", "wait there for GDB's target remote"));
    debugger(flag("--s", raw.gdb_default, "-gdb tcp::1234"));
    debugger(flag("--S", raw.stop_at_start, "stop before the first instruction"));
    value("--low-memory-floor", raw.floor, "BYTES", "")->group("");
    monitor(flag("--help,--h", raw.help, "this text"));
}

void take_drives(const RawOptions& raw, RunConfig& config) {
    std::vector<DriveOption> drives;
    const std::string* letters[] = {&raw.hda, &raw.hdb, &raw.hdc, &raw.hdd};
    for (int i = 0; i < 4; ++i) {
        if (!letters[i]->empty()) drives.push_back({i, {*letters[i], false}});
    }
    for (const auto& text : raw.drives) drives.push_back(parse_drive(text));
    config.drives = place_drives(drives, raw.snapshot);
}

void take_console(const RawOptions& raw, RunConfig& config) {
    if (!raw.display.empty()) {
        config.display =
            parse_choice(raw.display, {"none", "text"}, "display") == 1 ? Display::text : Display::none;
    }
    if (raw.nographic && config.display == Display::text) {
        throw std::runtime_error("-nographic and -display text contradict each other: leave one out");
    }
    if (raw.serial.size() > 1) throw std::runtime_error("only one -serial: the machine has one serial port");
    if (!raw.monitor.empty()) config.monitor = parse_monitor_channel(raw.monitor);
    const bool monitor_on_stdio = config.monitor.kind == MonitorChannel::Kind::stdio;
    if (raw.serial.empty()) {
        config.serial = config.display == Display::text || monitor_on_stdio ? "none" : "stdio";
        config.serial_escapes = raw.nographic && !monitor_on_stdio;
    } else {
        config.serial = parse_channel(raw.serial.front(), "-serial");
        config.serial_escapes = raw.serial.front() == "mon:stdio";
    }
    if (monitor_on_stdio && config.serial == "stdio") {
        throw std::runtime_error(
            "-serial stdio and -monitor stdio want the same terminal: use -serial mon:stdio for both");
    }
    config.debugcon = raw.debugcon.empty() ? "none" : parse_channel(raw.debugcon, "-debugcon");
    if (config.display == Display::text &&
        (config.serial == "stdio" || config.debugcon == "stdio" || monitor_on_stdio)) {
        throw std::runtime_error(
            "-display text needs the terminal for itself: send -serial and -debugcon to file:PATH, and "
            "-monitor to a socket");
    }
    if (!raw.log_items.empty()) config.log_items = parse_log_items(raw.log_items, log_item_names());
    config.log_file = raw.log_file;
    config.symbols = raw.symbols;
    if (!raw.trace.empty()) parse_trace(raw.trace, config);
    const bool log_on_terminal =
        !config.log_items.empty() && config.log_file.empty() && config.trace_file.empty();
    if (log_on_terminal && config.display == Display::text) {
        throw std::runtime_error(
            "-display text needs the terminal for itself: send the log to a file with -D");
    }
    if (raw.stats == "json") config.stats = RunConfig::Stats::json;
    if (raw.stats == "text") config.stats = RunConfig::Stats::text;
    if (!raw.stats.empty()) parse_choice(raw.stats, {"text", "json"}, "form of --stats");
}

RunConfig to_config(const RawOptions& raw, std::uint64_t host_bytes) {
    RunConfig config;
    if (!raw.positional.empty() && !raw.kernel.empty()) {
        throw std::runtime_error(
            fmt::format("two kernels, '{}' and '{}': name one", raw.positional, raw.kernel));
    }
    config.kernel = raw.positional.empty() ? raw.kernel : raw.positional;
    config.load_file = raw.load;
    if (config.kernel.empty() && config.load_file.empty())
        throw std::runtime_error("no kernel: write ringpress run KERNEL, or -kernel FILE");
    if (!raw.initrd.empty()) config.initrds = parse_modules(raw.initrd);
    config.append = raw.append;
    if (!raw.memory.empty()) config.ram_bytes = parse_memory_size(raw.memory, host_bytes);
    if (!raw.machine.empty()) config.board = parse_machine(raw.machine);
    config.ram_given = !raw.memory.empty();
    config.board_given = !raw.machine.empty();
    if (!raw.smp.empty() && raw.smp != "1") {
        throw std::runtime_error(
            fmt::format("-smp {}: the machine has one processor; leave -smp out", raw.smp));
    }
    if (!raw.engine.empty()) {
        config.engine =
            parse_choice(raw.engine, {"seccomp", "ptrace"}, "engine") == 0 ? Engine::seccomp : Engine::ptrace;
    }
    if (!raw.sensitive.empty()) {
        constexpr Sensitive levels[] = {Sensitive::ignore, Sensitive::trap, Sensitive::inline_};
        config.sensitive =
            levels[parse_choice(raw.sensitive, {"ignore", "trap", "inline"}, "--sensitive level")];
    }
    if (!raw.leave_open.empty()) config.open = parse_open_holes(raw.leave_open);
    if (!raw.user_code.empty()) {
        config.user_code = parse_choice(raw.user_code, {"view", "direct"}, "--user-code") == 0
                               ? UserCode::view
                               : UserCode::direct;
    }
    if (!raw.tune.empty()) parse_tunes(raw.tune, config.tuning);
    for (const auto& device : raw.devices) parse_device(device, config);
    config.no_reboot = raw.no_reboot;
    config.stop_at_start = raw.stop_at_start;
    if (raw.gdb_default && !raw.gdb.empty())
        throw std::runtime_error("-s means -gdb tcp::1234: leave it or -gdb out");
    if (raw.gdb_default) config.gdb = kDefaultGdbAddress;
    if (!raw.gdb.empty()) config.gdb = raw.gdb;
    GdbAddress::parse(config.gdb);
    if (!raw.name.empty()) check_vm_name(raw.name);
    config.name = raw.name;
    if (!raw.time_limit.empty()) config.time_limit = parse_time_limit(raw.time_limit);
    if (!raw.floor.empty()) {
        config.low_memory_floor =
            static_cast<std::uint32_t>(parse_number(raw.floor, 0x0FFFF000, "--low-memory-floor"));
    }
    take_drives(raw, config);
    take_console(raw, config);
    return config;
}

}  // namespace

RunRequest parse_run(const std::vector<std::string>& arguments, std::uint64_t host_bytes,
                     const std::string& command) {
    RawOptions raw;
    CLI::App app("Boots an unmodified 32-bit x86 kernel in this process.  Leave with Ctrl-A x.", command);
    declare(app, raw);
    app.formatter(std::make_shared<OptionFormatter>());

    std::vector<std::string> normal = normalise_arguments(app, arguments, {"json", "text"});
    try {
        app.parse(std::vector<std::string>(normal.rbegin(), normal.rend()));
    } catch (const CLI::ExtrasError&) {
        throw std::runtime_error(
            "more than one kernel: quote arguments that hold blanks, as -append \"a b\"");
    } catch (const CLI::ParseError& error) {
        throw std::runtime_error(error.what());
    }
    RunRequest request;
    if (raw.help) {
        request.what = RunRequest::What::show_help;
        request.help = app.help();
    } else if (raw.log_items == "help") {
        request.what = RunRequest::What::show_help;
        request.help = log_items_text();
    } else if (raw.tune == "help") {
        request.what = RunRequest::What::show_help;
        request.help = tunes_text();
    } else {
        request.config = to_config(raw, host_bytes);
        request.config.arguments = arguments;
    }
    return request;
}

int run_command(const RunConfig& config) {
    ExitReport report;
    {
        Supervisor supervisor(config);
        // Only once there is a machine: a mistake on the command line costs no earlier run's output.
        empty_output_file(config.serial);
        empty_output_file(config.debugcon);
        report = supervisor.run();
    }  // everything of the guest is gone and the terminal is itself again before anything is said
    std::fflush(stdout);
    for (const std::string& line : {report.message, report.trace_complaint})
        if (!line.empty()) fmt::print(stderr, "ringpress: {}\n", line);
    if (config.stats != RunConfig::Stats::none) {
        const bool json = config.stats == RunConfig::Stats::json;
        const std::string text = json ? stats_json(report.statistics, report.seconds)
                                      : stats_text(report.statistics, report.seconds);
        fmt::print(stderr, "{}", text);
    }
    if (report.signal != 0) {
        // Die of the same signal, so that whoever sent it sees that it worked (signal(7), "wait status").
        std::fflush(nullptr);
        signal(report.signal, SIG_DFL);
        sigset_t only;
        sigemptyset(&only);
        sigaddset(&only, report.signal);
        raise(report.signal);
        sigprocmask(SIG_UNBLOCK, &only, nullptr);
    }
    return report.code;
}

}  // namespace ringpress
