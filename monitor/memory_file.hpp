// Shared memory without a name: a memfd that Boost.Interprocess maps.
//
// It has no entry in any file system, so nothing is left behind however the processes end.
#pragma once

#include <boost/interprocess/mapped_region.hpp>
#include <cstdint>

#include "monitor/unique_fd.hpp"

namespace ringpress {

/// Meets Boost.Interprocess' MemoryMappable concept.
class MemoryFile {
  public:
    /// Throws std::runtime_error if the host has no memory for it.  The memory is zero and is taken from the
    /// host as it is touched.
    MemoryFile(const char* name, std::uint64_t bytes);

    int fd() const { return fd_.get(); }
    std::uint64_t size() const { return bytes_; }
    boost::interprocess::mapping_handle_t get_mapping_handle() const { return {fd_.get(), false}; }
    boost::interprocess::mode_t get_mode() const { return boost::interprocess::read_write; }
    /// A mapping of all of it, above 4 GiB.
    boost::interprocess::mapped_region map() const;

  private:
    UniqueFd fd_;
    std::uint64_t bytes_;
};

/// The file of a guest's RAM, with what the monitor keeps behind its end (shadow/gathered_frames.hpp).
MemoryFile ram_file_for(std::uint32_t ram_bytes);

}  // namespace ringpress
