// A raw disk image on the host, mapped into memory.
//
// The disk's sectors are a mapping of the file, so the guest process needs neither the descriptor nor a
// system call to read and write them, and what the guest has written belongs to the host's page cache at
// once: it survives a guest process that is killed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "monitor/devices/disk.hpp"
#include "monitor/memory_file.hpp"
#include "monitor/run_config.hpp"
#include "monitor/unique_fd.hpp"

namespace ringpress {

class DriveImage {
  public:
    static constexpr std::uint32_t kSectorBytes = 512;
    /// What 28-bit LBA can address (ATA-4, section 8.12): 128 GiB.
    static constexpr std::uint64_t kMaxSectors = (1u << 28) - 1;

    /// Opens, locks and maps the image; if config.snapshot, for reading, with writes kept apart.  A second
    /// writer of the same image is refused, and so is a writer beside a snapshot. A file that is no whole
    /// number of sectors has its last one filled up with zeros; what is written beyond the end of the file is
    /// not kept. A configuration without a file makes an empty image: no drive at that place. Throws
    /// std::runtime_error with one line for the user.
    explicit DriveImage(const DriveConfig& config);
    /// Unmaps; see also sync().
    ~DriveImage();
    DriveImage(DriveImage&& other) noexcept;
    DriveImage& operator=(DriveImage&&) = delete;

    /// For the device: whatever is written is seen by every process that has forked from this one since.
    Disk disk() const;
    /// The memory behind it.
    std::vector<std::span<std::uint8_t>> regions() const;
    /// The image's sectors; those of a snapshot as they are in the file.
    std::span<std::uint8_t> bytes() const { return {data_, size_}; }
    std::uint32_t sectors() const { return static_cast<std::uint32_t>(size_ / kSectorBytes); }
    bool snapshot() const { return snapshot_; }
    /// A snapshot's writes are gone: the sectors are the file's again.
    void forget_writes() const;
    const std::string& path() const { return path_; }
    int fd() const { return file_.get(); }

    /// Waits until everything written is on the host's disk: for an orderly end and for the guest's FLUSH
    /// CACHE. Does nothing for a snapshot.  Throws std::runtime_error if the host's disk fails.
    void sync() const;

  private:
    std::size_t bitmap_at() const;

    std::string path_;
    UniqueFd file_;
    std::uint8_t* data_ = nullptr;
    std::size_t size_ = 0;
    bool snapshot_ = false;
    /// What was written to a snapshot: as many bytes as the image has, and behind them a bit for each sector.
    std::optional<MemoryFile> overlay_;
    boost::interprocess::mapped_region overlay_map_;
};

}  // namespace ringpress
