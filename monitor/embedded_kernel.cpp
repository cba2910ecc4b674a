#include "monitor/embedded_kernel.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace ringpress {

EmbeddedKernel::EmbeddedKernel(const char* name, const char* begin, const char* end)
    : file_(memfd_create(name, MFD_CLOEXEC)) {
    while (file_ && begin < end) {
        const ssize_t n = write(file_.get(), begin, static_cast<std::size_t>(end - begin));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            file_.reset();
        else
            begin += n;
    }
    if (!file_)
        throw std::runtime_error(fmt::format("no memory for the guest '{}': {}", name, std::strerror(errno)));
}

std::string EmbeddedKernel::path() const {
    return fmt::format("/proc/{}/fd/{}", getpid(), file_.get());
}

}  // namespace ringpress
