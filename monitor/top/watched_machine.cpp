#include "monitor/top/watched_machine.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "monitor/control/control_protocol.hpp"

namespace ringpress {

namespace {

/// A descriptor as Boost.Interprocess wants it.
struct Mappable {
    int fd;
    boost::interprocess::mapping_handle_t get_mapping_handle() const { return {fd, false}; }
    boost::interprocess::mode_t get_mode() const { return boost::interprocess::read_only; }
};

}  // namespace

WatchedMachine::WatchedMachine(const std::string& name) : name_(name), client_(name) {
    attach();
    last_ = take_sample(*static_cast<const Arena*>(map_.get_address()), 0);
}

void WatchedMachine::attach() {
    UniqueFd fd;
    client_.ask(control::kArena, &fd);
    struct stat file {};
    const auto other = [&] {
        return std::runtime_error(
            fmt::format("'{}' runs another version of ringpress: use that one's top", name_));
    };
    if (!fd || fstat(fd.get(), &file) != 0 || static_cast<std::uint64_t>(file.st_size) != sizeof(Arena))
        throw other();
    map_ = boost::interprocess::mapped_region(Mappable{fd.get()}, boost::interprocess::read_only, 0,
                                              sizeof(Arena));
    const auto& arena = *static_cast<const Arena*>(map_.get_address());
    if (arena.magic != kArenaMagic || arena.version != kArenaVersion) throw other();
}

std::string WatchedMachine::title() {
    const auto status = nlohmann::json::parse(client_.ask(control::kStatus), nullptr, false);
    if (!status.is_object()) return name_;
    return fmt::format("{}: {}, {} MiB, engine {}, --sensitive {}, {} for {:.0f} s", name_,
                       status.value("kernel", ""), status.value("ram_bytes", std::uint64_t{0}) >> 20,
                       status.value("engine", ""), status.value("sensitive", ""), status.value("state", ""),
                       status.value("seconds", 0.0));
}

std::string WatchedMachine::name_of(std::uint32_t address) {
    const auto known = names_.find(address);
    if (known != names_.end() && !known->second.empty()) return known->second;
    std::string name = client_.ask(fmt::format("{}{:x}", control::kNames, address));
    name = name.substr(0, name.find('\n'));
    return names_[address] = name;
}

TopReport WatchedMachine::look(std::size_t sites) {
    TopReport report;
    report.title = title();
    report.before = last_;
    report.now = take_sample(*static_cast<const Arena*>(map_.get_address()), last_.traps_recorded);
    if (report.now.traps_recorded < last_.traps_recorded) {
        // Another life of the machine, with an arena of its own: the counters begin anew.
        attach();
        report.now = report.before = take_sample(*static_cast<const Arena*>(map_.get_address()), 0);
    }
    last_ = report.now;
    sites_.add(report.now.newest);
    for (const HotSites::Entry& entry : sites_.hottest(sites))
        report.sites.push_back({entry, name_of(entry.site.eip)});
    return report;
}

}  // namespace ringpress
