#include "monitor/run_resources.hpp"

#include <fmt/format.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "monitor/boot/loader.hpp"
#include "monitor/host_file.hpp"

namespace ringpress {

RunResources::RunResources(const RunConfig& c) : config(c), limits(host_limits()), traps(c) {
    if (!config.load_file.empty()) {
        next.emplace(load_snapshot(config.load_file));
        complete_from_snapshot(config, next->facts);
    }
    name.emplace(config.name.empty() ? default_vm_name() : config.name);
    config.name = name->text();
    if (!config.kernel.empty()) kernel = read_host_file(config.kernel, "kernel", config.ram_bytes);
    if (!config.symbols.empty()) symbols.get();  // a file that has none is told before the guest starts
    gdb.listen(GdbAddress::parse(config.gdb));
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

void RunResources::open_monitors() {
    using Kind = MonitorChannel::Kind;
    control_server.emplace(name->fd(), machine);
    if (config.monitor.is_socket()) monitor_socket.emplace(config.monitor, machine);
    const bool beside_console =
        config.monitor.kind == Kind::console && (config.serial == "stdio" || config.display == Display::text);
    if (beside_console || config.monitor.kind == Kind::stdio)
        monitor_terminal.emplace(
            machine, isatty(STDIN_FILENO) ? MonitorTerminal::Style::edited : MonitorTerminal::Style::plain);
}

BootState RunResources::load(std::span<std::byte> ram) const {
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

}  // namespace ringpress
