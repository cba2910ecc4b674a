#include "monitor/drive_image.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace ringpress {
namespace {

[[noreturn]] void refuse(const std::string& path, std::string_view why) {
    throw std::runtime_error(fmt::format("disk image '{}' {}", path, why));
}

}  // namespace

DriveImage::DriveImage(const DriveConfig& config) : path_(config.file), snapshot_(config.snapshot) {
    if (path_.empty()) return;
    // O_NONBLOCK: opening a FIFO by mistake must not wait for a writer.  It means nothing for regular files.
    file_.reset(open(path_.c_str(), (snapshot_ ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!file_) {
        switch (errno) {
            case ENOENT: refuse(path_, "does not exist: check the path, or make one with truncate -s 64M");
            case EISDIR: refuse(path_, "is a directory: name an image file");
            case EACCES:
            case EROFS:
            case EPERM:
                refuse(path_, snapshot_ ? "cannot be read: check its permissions"
                                        : "cannot be written: check its permissions, or use snapshot=on");
            default: refuse(path_, fmt::format("cannot be opened: {}", std::strerror(errno)));
        }
    }
    struct stat st;
    if (fstat(file_.get(), &st) != 0)
        refuse(path_, fmt::format("cannot be examined: {}", std::strerror(errno)));
    if (S_ISDIR(st.st_mode)) refuse(path_, "is a directory: name an image file");
    if (!S_ISREG(st.st_mode)) refuse(path_, "is not a regular file: only raw image files are supported");
    if (st.st_size == 0) refuse(path_, "is empty: make it larger with truncate -s 64M");
    if (static_cast<std::uint64_t>(st.st_size) / kSectorBytes > kMaxSectors) {
        refuse(path_, "is larger than the 128 GiB that an IDE disk can have");
    }
    // A file system that knows no locks is no reason to refuse: only a lock that somebody holds is.
    if (flock(file_.get(), (snapshot_ ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        refuse(path_, snapshot_
                          ? "is being written by another virtual machine: end that one, or copy the image"
                          : "is in use by another virtual machine: end that one, or use snapshot=on in both");
    }
    // The rest of the last sector lies in the page that holds the end of the file, and reads as zeros.
    size_ = (static_cast<std::size_t>(st.st_size) + kSectorBytes - 1) / kSectorBytes * kSectorBytes;
    void* at =
        mmap(nullptr, size_, snapshot_ ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
    if (at == MAP_FAILED) refuse(path_, fmt::format("cannot be mapped: {}", std::strerror(errno)));
    data_ = static_cast<std::uint8_t*>(at);
    if (!snapshot_) return;
    overlay_.emplace("ringpress-overlay", bitmap_at() + (sectors() + 63) / 64 * sizeof(std::uint64_t));
    overlay_map_ = overlay_->map();
}

DriveImage::~DriveImage() {
    if (data_) munmap(data_, size_);
}

DriveImage::DriveImage(DriveImage&& other) noexcept
    : path_(std::move(other.path_)),
      file_(std::move(other.file_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      snapshot_(other.snapshot_),
      overlay_(std::move(other.overlay_)),
      overlay_map_(std::move(other.overlay_map_)) {}

std::size_t DriveImage::bitmap_at() const {
    constexpr std::size_t kAlignment = sizeof(std::uint64_t);
    return (size_ + kAlignment - 1) / kAlignment * kAlignment;
}

Disk DriveImage::disk() const {
    if (!overlay_) return Disk(bytes());
    auto* apart = static_cast<std::uint8_t*>(overlay_map_.get_address());
    return {bytes(), apart, reinterpret_cast<std::uint64_t*>(apart + bitmap_at())};
}

std::vector<std::span<std::uint8_t>> DriveImage::regions() const {
    std::vector<std::span<std::uint8_t>> all;
    if (data_) all.push_back(bytes());
    if (overlay_)
        all.push_back({static_cast<std::uint8_t*>(overlay_map_.get_address()), overlay_map_.get_size()});
    return all;
}

void DriveImage::forget_writes() const {
    // The memory goes back to the host, and reads as zeros: no sector is said to be written.
    if (overlay_ && madvise(overlay_map_.get_address(), overlay_map_.get_size(), MADV_REMOVE) != 0)
        refuse(path_, fmt::format("cannot be read anew: {}", std::strerror(errno)));
}

void DriveImage::sync() const {
    if (snapshot_ || !data_) return;
    if (msync(data_, size_, MS_SYNC) != 0 || fsync(file_.get()) != 0) {
        refuse(path_, fmt::format("could not be written back to the host's disk: {}", std::strerror(errno)));
    }
}

}  // namespace ringpress
