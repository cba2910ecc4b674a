#include "monitor/memory_file.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

#include "shadow/check.hpp"
#include "shadow/gathered_frames.hpp"

namespace ringpress {

MemoryFile::MemoryFile(const char* name, std::uint64_t bytes)
    : fd_(memfd_create(name, MFD_CLOEXEC)), bytes_(bytes) {
    if (!fd_ || ftruncate(fd_.get(), static_cast<off_t>(bytes)) != 0)
        throw std::runtime_error(std::string("cannot make shared memory: ") + std::strerror(errno));
}

boost::interprocess::mapped_region MemoryFile::map() const {
    try {
        boost::interprocess::mapped_region region(*this, boost::interprocess::read_write, 0, bytes_);
        CHECK(reinterpret_cast<std::uint64_t>(region.get_address()) >= (1ull << 32));
        return region;
    } catch (const boost::interprocess::interprocess_exception& error) {
        throw std::runtime_error(std::string("cannot map shared memory: ") + error.what());
    }
}

MemoryFile ram_file_for(std::uint32_t ram_bytes) {
    return MemoryFile("ringpress-ram", std::uint64_t{ram_bytes} + kBehindRam);
}

}  // namespace ringpress
