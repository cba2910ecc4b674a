#include "monitor/host_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "monitor/unique_fd.hpp"

namespace ringpress {

std::vector<std::uint8_t> read_host_file(const std::string& path, std::string_view what,
                                         std::uint64_t max_bytes) {
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!file) {
        if (errno == ENOENT) {
            throw std::runtime_error(fmt::format("{} '{}' does not exist: check the path", what, path));
        }
        throw std::runtime_error(fmt::format("cannot open {} '{}': {}", what, path, std::strerror(errno)));
    }
    struct stat st;
    if (fstat(file.get(), &st) != 0) {
        throw std::runtime_error(fmt::format("cannot examine {} '{}': {}", what, path, std::strerror(errno)));
    }
    if (S_ISDIR(st.st_mode)) {
        throw std::runtime_error(fmt::format("{} '{}' is a directory: name a file", what, path));
    }
    const auto too_big = [&] {
        return std::runtime_error(
            fmt::format("{} '{}' is larger than the {} MiB that it may have: give the guest "
                        "more memory (-m) or a smaller file",
                        what, path, max_bytes >> 20));
    };
    if (S_ISREG(st.st_mode) && static_cast<std::uint64_t>(st.st_size) > max_bytes) throw too_big();

    // Read until the end rather than st_size bytes: a pipe has no size, and a file may change meanwhile.
    std::vector<std::uint8_t> bytes(S_ISREG(st.st_mode) ? static_cast<std::size_t>(st.st_size) + 1
                                                        : 1u << 16);
    std::size_t have = 0;
    for (;;) {
        if (have == bytes.size()) bytes.resize(bytes.size() * 2);
        const ssize_t got = read(file.get(), bytes.data() + have, bytes.size() - have);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            throw std::runtime_error(
                fmt::format("cannot read {} '{}': {}", what, path, std::strerror(errno)));
        }
        if (got == 0) break;
        have += static_cast<std::size_t>(got);
        if (have > max_bytes) throw too_big();
    }
    if (have == 0) throw std::runtime_error(fmt::format("{} '{}' is empty", what, path));
    bytes.resize(have);
    return bytes;
}

}  // namespace ringpress
