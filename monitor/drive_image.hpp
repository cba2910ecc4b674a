// A raw disk image on the host, mapped into memory.
//
// The disk's sectors are a mapping of the file, so the guest process needs neither the descriptor nor a
// system call to read and write them, and what the guest has written belongs to the host's page cache at
// once: it survives a guest process that is killed.
#pragma once

#include <cstdint>
#include <span>

#include "monitor/run_config.hpp"
#include "monitor/unique_fd.hpp"

namespace ringpress {

class DriveImage {
  public:
    static constexpr std::uint32_t kSectorBytes = 512;
    /// What 28-bit LBA can address (ATA-4, section 8.12): 128 GiB.
    static constexpr std::uint64_t kMaxSectors = (1u << 28) - 1;

    /// Opens, locks and maps the image: shared, or private if config.snapshot.  A second writer of the same
    /// image is refused, and so is a writer beside a snapshot.
    /// A file that is no whole number of sectors has its last one filled up with zeros; what is written
    /// beyond the end of the file is not kept.
    /// A configuration without a file makes an empty image: no drive at that place.
    /// Throws std::runtime_error with one line for the user.
    explicit DriveImage(const DriveConfig& config);
    /// Unmaps; see also sync().
    ~DriveImage();
    DriveImage(DriveImage&& other) noexcept;
    DriveImage& operator=(DriveImage&&) = delete;

    std::span<std::uint8_t> bytes() const { return {data_, size_}; }
    std::uint32_t sectors() const { return static_cast<std::uint32_t>(size_ / kSectorBytes); }
    bool snapshot() const { return snapshot_; }

    /// Waits until everything written is on the host's disk: for an orderly end and for the guest's FLUSH
    /// CACHE. Does nothing for a snapshot.  Throws std::runtime_error if the host's disk fails.
    void sync() const;

  private:
    std::string path_;
    UniqueFd file_;
    std::uint8_t* data_ = nullptr;
    std::size_t size_ = 0;
    bool snapshot_ = false;
};

}  // namespace ringpress
