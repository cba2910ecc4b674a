#include "monitor/snapshot/snapshot_facts.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "monitor/cli_values.hpp"
#include "monitor/version.hpp"

namespace ringpress {

namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kMaxDrives = 4;
/// By how much the frequency of two hosts' counters may differ: what a guest's own measurement is worth.
constexpr double kTscTolerance = 0.001;

std::string absolute(const std::string& path) {
    std::error_code error;
    const std::filesystem::path whole = std::filesystem::absolute(path, error);
    return error || path.empty() ? path : whole.string();
}

/// The time of a file's last change; 0 if it cannot be told.
std::int64_t modified(int fd) {
    struct stat file {};
    if (fd < 0 || fstat(fd, &file) != 0) return 0;
    return std::int64_t{file.st_mtim.tv_sec} * 1'000'000'000 + file.st_mtim.tv_nsec;
}

SnapshotDrive describe(const DriveImage& drive) {
    drive.sync();  // what was written counts as a change before this moment
    return {absolute(drive.path()), drive.snapshot(), drive.bytes().size(), modified(drive.fd())};
}

std::string mebibytes(std::uint32_t bytes) {
    return fmt::format("{} MiB", bytes >> 20);
}

}  // namespace

SnapshotFacts describe_machine(const RunConfig& config, const CpuModel& model, bool running,
                               const std::vector<DriveImage>& drives) {
    SnapshotFacts facts;
    facts.made_by = std::string("ringpress ") + kVersion;
    facts.name = config.name;
    facts.kernel = absolute(config.kernel);
    facts.append = config.append;
    for (const std::string& initrd : config.initrds) facts.initrds.push_back(absolute(initrd));
    facts.ram_bytes = config.ram_bytes;
    facts.board = config.board;
    facts.debug_exit = config.debug_exit;
    facts.debug_exit_port = config.debug_exit_port;
    facts.debug_exit_size = config.debug_exit_size;
    facts.features_edx = model.features_edx;
    facts.features_ecx = model.features_ecx;
    facts.tsc_hz = model.tsc_hz;
    facts.running = running;
    for (const DriveImage& drive : drives) facts.drives.push_back(describe(drive));
    return facts;
}

std::string to_json(const SnapshotFacts& f) {
    Json drives = Json::array();
    for (const SnapshotDrive& d : f.drives)
        drives.push_back(
            {{"file", d.file}, {"snapshot", d.snapshot}, {"bytes", d.bytes}, {"modified", d.modified}});
    const Json json = {{"made_by", f.made_by},
                       {"name", f.name},
                       {"kernel", f.kernel},
                       {"append", f.append},
                       {"initrds", f.initrds},
                       {"ram_bytes", f.ram_bytes},
                       {"board", f.board == Board::pc ? "pc" : "isapc"},
                       {"debug_exit", f.debug_exit},
                       {"debug_exit_port", f.debug_exit_port},
                       {"debug_exit_size", f.debug_exit_size},
                       {"features_edx", f.features_edx},
                       {"features_ecx", f.features_ecx},
                       {"tsc_hz", f.tsc_hz},
                       {"running", f.running},
                       {"drives", drives}};
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<SnapshotFacts> facts_from_json(const std::string& text) {
    try {
        const Json json = Json::parse(text);
        SnapshotFacts f;
        json.at("made_by").get_to(f.made_by);
        json.at("name").get_to(f.name);
        json.at("kernel").get_to(f.kernel);
        json.at("append").get_to(f.append);
        json.at("initrds").get_to(f.initrds);
        json.at("ram_bytes").get_to(f.ram_bytes);
        f.board = json.at("board") == "isapc" ? Board::isapc : Board::pc;
        json.at("debug_exit").get_to(f.debug_exit);
        json.at("debug_exit_port").get_to(f.debug_exit_port);
        json.at("debug_exit_size").get_to(f.debug_exit_size);
        json.at("features_edx").get_to(f.features_edx);
        json.at("features_ecx").get_to(f.features_ecx);
        json.at("tsc_hz").get_to(f.tsc_hz);
        json.at("running").get_to(f.running);
        for (const Json& drive : json.at("drives")) {
            SnapshotDrive d;
            drive.at("file").get_to(d.file);
            drive.at("snapshot").get_to(d.snapshot);
            drive.at("bytes").get_to(d.bytes);
            drive.at("modified").get_to(d.modified);
            if (d.bytes / DriveImage::kSectorBytes > DriveImage::kMaxSectors) return std::nullopt;
            f.drives.push_back(std::move(d));
        }
        if (f.ram_bytes < kMinRam || f.ram_bytes > kMaxRam || f.ram_bytes % kPageSize != 0 ||
            f.drives.size() > kMaxDrives)
            return std::nullopt;
        return f;
    } catch (const Json::exception&) {
        return std::nullopt;
    }
}

void check_fits(const SnapshotFacts& facts, const RunConfig& config, const CpuModel& model,
                const std::vector<DriveImage>& drives) {
    const auto refuse = [](const std::string& why) {
        throw std::runtime_error("the snapshot does not fit this machine: " + why);
    };
    if (facts.ram_bytes != config.ram_bytes)
        refuse(fmt::format("it has {} of memory, and the machine {}", mebibytes(facts.ram_bytes),
                           mebibytes(config.ram_bytes)));
    if (facts.board != config.board)
        refuse(fmt::format("it is of a {}", facts.board == Board::pc ? "pc" : "isapc"));
    if (facts.debug_exit != config.debug_exit || facts.debug_exit_port != config.debug_exit_port)
        refuse(facts.debug_exit
                   ? fmt::format("it has -device isa-debug-exit,iobase={:#x}", facts.debug_exit_port)
                   : "it has no isa-debug-exit there");
    if ((facts.features_edx & ~model.features_edx) || (facts.features_ecx & ~model.features_ecx))
        refuse("its processor has features that this host's lacks");
    const double ratio = model.tsc_hz && facts.tsc_hz
                             ? static_cast<double>(facts.tsc_hz) / static_cast<double>(model.tsc_hz)
                             : 1;
    if (ratio < 1 - kTscTolerance || ratio > 1 + kTscTolerance)
        refuse(fmt::format("its time-stamp counter runs at {} MHz, this host's at {} MHz",
                           facts.tsc_hz / 1'000'000, model.tsc_hz / 1'000'000));
    if (facts.drives.size() != drives.size())
        refuse(fmt::format("it has {} drives, and the machine {}", facts.drives.size(), drives.size()));
    for (std::size_t i = 0; i < drives.size(); ++i) {
        const SnapshotDrive& was = facts.drives[i];
        const SnapshotDrive now = describe(drives[i]);
        if (was.bytes != now.bytes)
            refuse(fmt::format("drive {} ('{}') has another size than '{}' had", i, now.file, was.file));
        if (was.snapshot != now.snapshot)
            refuse(fmt::format("drive {} was used with snapshot={}", i, was.snapshot ? "on" : "off"));
        if (was.modified != now.modified)
            refuse(
                fmt::format("the disk image '{}' has changed since; use it with snapshot=on, or a copy of it "
                            "as it was (cp --preserve)",
                            now.file));
    }
}

void complete_from_snapshot(RunConfig& config, const SnapshotFacts& facts) {
    if (!config.ram_given) config.ram_bytes = facts.ram_bytes;
    if (!config.board_given) config.board = facts.board;
    if (config.kernel.empty() && std::filesystem::exists(facts.kernel)) {
        config.kernel = facts.kernel;
        config.initrds = facts.initrds;
        config.append = facts.append;
    }
    if (config.drives.empty())
        for (const SnapshotDrive& drive : facts.drives) config.drives.push_back({drive.file, drive.snapshot});
    if (!config.debug_exit) {
        config.debug_exit = facts.debug_exit;
        config.debug_exit_port = facts.debug_exit_port;
        config.debug_exit_size = facts.debug_exit_size;
    }
}

}  // namespace ringpress
