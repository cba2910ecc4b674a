// A snapshot: a whole machine at one instruction boundary, as a file (docs/snapshots.md).
//
// It holds what the guest is made of: guest RAM, the virtual CPU with its FPU, the devices, input that waits,
// the guest's clocks, and what was written to drives with snapshot=on.  Shadows, code views and counters of
// the host's side are not in it: they are made anew.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "monitor/arena.hpp"
#include "monitor/drive_image.hpp"
#include "monitor/memory_file.hpp"
#include "monitor/run_config.hpp"
#include "traps/machine.hpp"

namespace ringpress {

inline constexpr std::uint32_t kSnapshotVersion = 2;

/// A drive as it was: which one, and whether its file may have changed since.
struct SnapshotDrive {
    std::string file;
    bool snapshot = false;
    std::uint64_t bytes = 0;
    std::int64_t modified = 0;  ///< nanoseconds since 1970
};

/// What a snapshot says of the machine that it was made of.
struct SnapshotFacts {
    std::string made_by, name, kernel, append;
    std::vector<std::string> initrds;
    std::uint32_t ram_bytes = 0;
    Board board = Board::pc;
    bool debug_exit = false;
    std::uint16_t debug_exit_port = 0;
    unsigned debug_exit_size = 0;
    std::uint32_t features_edx = 0, features_ecx = 0;
    std::uint64_t tsc_hz = 0;
    bool running = true;  ///< whether the guest ran when it was asked for
    std::vector<SnapshotDrive> drives;
};

/// What was written to a drive with snapshot=on.
struct DriveOverlay {
    struct Run {
        std::uint64_t first_sector = 0;
        std::vector<std::uint8_t> bytes;
    };
    std::vector<Run> runs;
};

/// A machine's state besides its RAM and its drives.
struct MachineState {
    VCpu cpu;
    DeviceState devices;
    FpuImage fpu;
    Nanoseconds guest_time = 0;
    std::uint64_t guest_tsc = 0;
    std::string serial_in, keyboard_in;  ///< input that the guest has not taken yet
};

/// A snapshot that was read and checked as a whole.
struct Snapshot {
    SnapshotFacts facts;
    MachineState state;
    MemoryFile ram;
    std::vector<DriveOverlay> overlays;  ///< one for each of facts.drives
};

SnapshotFacts describe_machine(const RunConfig& config, const CpuModel& model, bool running,
                               const std::vector<DriveImage>& drives);

/// The guest is stopped.  Writes beside `path` and renames, so that an old file stays if it fails.
/// Throws std::runtime_error with one line.
void save_snapshot(const std::string& path, const SnapshotFacts& facts, const Arena& arena,
                   std::span<const std::uint8_t> ram, const std::vector<DriveImage>& drives);

/// Reads and checks all of a file.  Throws std::runtime_error with one line for a file that is none, is
/// damaged or cut off, or was made by a version with other state.
Snapshot load_snapshot(const std::string& path);

/// Throws std::runtime_error with one line unless a machine of this configuration, on this host, can go on
/// from the snapshot: same RAM, same board, same drives whose files have not changed.
void check_fits(const SnapshotFacts& facts, const RunConfig& config, const CpuModel& model,
                const std::vector<DriveImage>& drives);

/// Fills in what the command line left open: `ringpress run --load FILE` alone must do.
void complete_from_snapshot(RunConfig& config, const SnapshotFacts& facts);

/// Puts the state where a stopped guest has it.  The core must then be told that its state was replaced.
void restore_state(const MachineState& state, Arena& arena);
void restore_drives(const std::vector<DriveOverlay>& overlays, const std::vector<DriveImage>& drives);

}  // namespace ringpress
