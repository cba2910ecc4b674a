#include "monitor/snapshot/snapshot.hpp"

#include <cstring>
#include <stdexcept>

#include "monitor/guest_access.hpp"
#include "monitor/snapshot/snapshot_facts.hpp"
#include "monitor/snapshot/snapshot_file.hpp"

namespace ringpress {

namespace {

constexpr SectionTag kFacts = section_tag("FACT"), kCpu = section_tag("CPU "), kFpu = section_tag("FPU "),
                     kDevices = section_tag("DEVS"), kClock = section_tag("CLCK"),
                     kInput = section_tag("INPT"), kRam = section_tag("RAM "), kDrive = section_tag("DISK");
constexpr std::uint64_t kMaxFacts = 1u << 20, kMaxInput = 1u << 16;

struct Clock {
    std::uint64_t time, tsc;
};
/// Pages or sectors that follow each other, in front of their contents; a count of 0 ends a list of them.
struct Run {
    std::uint64_t first, count;
};
constexpr std::uint64_t kMaxRun = 256;

bool all_zero(const std::uint8_t* page) {
    static const std::uint8_t zero[kPageSize] = {};
    return std::memcmp(page, zero, kPageSize) == 0;
}

/// Of `count` units of `bytes` each, writes the runs of those that are wanted(unit); contents(unit) of a
/// run's first must go on through all of it.
template <class Wanted, class Contents>
void put_runs(SnapshotWriter& file, SectionTag tag, std::uint64_t count, std::uint64_t bytes, Wanted wanted,
              Contents contents) {
    file.begin_section(tag, count);
    for (std::uint64_t unit = 0; unit < count;) {
        if (!wanted(unit)) {
            ++unit;
            continue;
        }
        Run run{unit, 1};
        while (run.count < kMaxRun && unit + run.count < count && wanted(unit + run.count)) ++run.count;
        file.put(&run, sizeof run);
        file.put(contents(unit), run.count * bytes);
        unit += run.count;
    }
    const Run end{};
    file.put(&end, sizeof end);
}

/// Reads such a list: place(first unit, units) says where contents go.
template <class Place>
void get_runs(SnapshotReader& file, SectionTag tag, std::uint64_t count, std::uint64_t bytes, Place place) {
    if (file.begin_section(tag, count) != count) file.damaged("its memory has another size than it says");
    for (std::uint64_t next = 0;;) {
        Run run;
        file.get(&run, sizeof run);
        if (run.count == 0) return;
        if (run.first < next || run.count > kMaxRun || run.first > count || run.count > count - run.first)
            file.damaged("its parts are not in order");
        next = run.first + run.count;
        file.get(place(run.first, run.count), run.count * bytes);
    }
}

template <std::size_t Size>
std::string waiting(const ByteRing<Size>& ring) {
    std::string bytes;
    const std::uint32_t from = ring.taken.load();
    for (std::uint32_t i = 0; i < ring.size(); ++i)
        bytes += static_cast<char>(ring.bytes[(from + i) & (Size - 1)]);
    return bytes;
}

template <std::size_t Size>
void fill(ByteRing<Size>& ring, const std::string& bytes) {
    for (const char c : bytes) ring.push(static_cast<std::uint8_t>(c));
}

void put_text(SnapshotWriter& file, SectionTag tag, const std::string& text) {
    file.section(tag, text.data(), text.size());
}
std::string get_text(SnapshotReader& file, SectionTag tag, std::uint64_t max) {
    std::string text(file.begin_section(tag, max), '\0');
    file.get(text.data(), text.size());
    return text;
}

void put_overlay(SnapshotWriter& file, const Disk& disk) {
    put_runs(
        file, kDrive, disk.sectors(), kSectorSize,
        [&](std::uint64_t sector) { return disk.written_apart(sector); },
        [&](std::uint64_t sector) { return disk.sector(sector); });
}

}  // namespace

void save_snapshot(const std::string& path, const SnapshotFacts& facts, const Arena& arena,
                   std::span<const std::uint8_t> ram, const std::vector<DriveImage>& drives) {
    SnapshotWriter file(path, kSnapshotVersion);
    put_text(file, kFacts, to_json(facts));
    const VCpu cpu = bounded_copy(arena.cpu);
    file.section(kCpu, &cpu, sizeof cpu);
    file.section(kFpu, &arena.run.fpu, sizeof arena.run.fpu);
    file.section(kDevices, &arena.devices, sizeof arena.devices);
    const Clock clock{arena.run.guest_time, arena.run.guest_tsc};
    file.section(kClock, &clock, sizeof clock);
    put_text(file, kInput, waiting(arena.serial_in));
    put_text(file, kInput, waiting(arena.keyboard_in));
    const auto page_at = [&](std::uint64_t page) { return ram.data() + page * kPageSize; };
    put_runs(
        file, kRam, ram.size() / kPageSize, kPageSize,
        [&](std::uint64_t page) { return !all_zero(page_at(page)); }, page_at);
    for (const DriveImage& drive : drives) put_overlay(file, drive.disk());
    file.finish();
}

Snapshot load_snapshot(const std::string& path) {
    SnapshotReader file(path, kSnapshotVersion);
    const std::string described = get_text(file, kFacts, kMaxFacts);
    const std::optional<SnapshotFacts> facts = facts_from_json(described);
    if (!facts) file.damaged("its description cannot be read");
    Snapshot s{*facts, {}, ram_file_for(facts->ram_bytes), {}};
    file.section(kCpu, &s.state.cpu, sizeof s.state.cpu);
    s.state.cpu = bounded_copy(s.state.cpu);
    file.section(kFpu, &s.state.fpu, sizeof s.state.fpu);
    file.section(kDevices, &s.state.devices, sizeof s.state.devices);
    Clock clock{};
    file.section(kClock, &clock, sizeof clock);
    s.state.guest_time = clock.time;
    s.state.guest_tsc = clock.tsc;
    s.state.serial_in = get_text(file, kInput, kMaxInput);
    s.state.keyboard_in = get_text(file, kInput, kMaxInput);
    const auto ram = s.ram.map();
    get_runs(file, kRam, facts->ram_bytes / kPageSize, kPageSize, [&](std::uint64_t first, std::uint64_t) {
        return static_cast<std::uint8_t*>(ram.get_address()) + first * kPageSize;
    });
    for (const SnapshotDrive& drive : facts->drives) {
        DriveOverlay overlay;
        get_runs(file, kDrive, drive.bytes / kSectorSize, kSectorSize,
                 [&](std::uint64_t first, std::uint64_t count) {
                     overlay.runs.push_back({first, std::vector<std::uint8_t>(count * kSectorSize)});
                     return overlay.runs.back().bytes.data();
                 });
        s.overlays.push_back(std::move(overlay));
    }
    file.end();
    return s;
}

void restore_state(const MachineState& state, Arena& arena) {
    arena.cpu = state.cpu;
    arena.devices = state.devices;
    arena.run.guest_time = state.guest_time;
    arena.run.guest_tsc = state.guest_tsc;
    fill(arena.serial_in, state.serial_in);
    fill(arena.keyboard_in, state.keyboard_in);
}

void restore_drives(const std::vector<DriveOverlay>& overlays, const std::vector<DriveImage>& drives) {
    for (std::size_t i = 0; i < drives.size() && i < overlays.size(); ++i) {
        if (!drives[i].snapshot()) continue;
        drives[i].forget_writes();
        Disk disk = drives[i].disk();
        for (const DriveOverlay::Run& run : overlays[i].runs) {
            const std::uint64_t count = run.bytes.size() / kSectorSize;
            if (run.first_sector < disk.sectors() && count <= disk.sectors() - run.first_sector)
                disk.write(run.first_sector, run.bytes.data(), static_cast<std::uint32_t>(count));
        }
    }
}

}  // namespace ringpress
