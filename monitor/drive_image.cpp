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
    void* at = mmap(nullptr, size_, PROT_READ | PROT_WRITE,
                    snapshot_ ? MAP_PRIVATE | MAP_NORESERVE : MAP_SHARED, file_.get(), 0);
    if (at == MAP_FAILED) refuse(path_, fmt::format("cannot be mapped: {}", std::strerror(errno)));
    data_ = static_cast<std::uint8_t*>(at);
}

DriveImage::~DriveImage() {
    if (data_) munmap(data_, size_);
}

DriveImage::DriveImage(DriveImage&& other) noexcept
    : path_(std::move(other.path_)),
      file_(std::move(other.file_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      snapshot_(other.snapshot_) {}

void DriveImage::sync() const {
    if (snapshot_ || !data_) return;
    if (msync(data_, size_, MS_SYNC) != 0 || fsync(file_.get()) != 0) {
        refuse(path_, fmt::format("could not be written back to the host's disk: {}", std::strerror(errno)));
    }
}

}  // namespace ringpress
