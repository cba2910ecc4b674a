#include "monitor/output_sink.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace ringpress {

void empty_output_file(const std::string& channel) {
    if (!channel.starts_with("file:")) return;
    // A file that is not there is as good as empty, and one that cannot be written is told of when it is
    // opened.
    [[maybe_unused]] const int result = truncate(channel.c_str() + std::strlen("file:"), 0);
}

OutputSink::OutputSink(const std::string& channel, const char* option) {
    if (channel != "stdio") {
        name_ = channel.substr(std::strlen("file:"));
        owned_.reset(open(name_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666));
        if (!owned_) {
            throw std::runtime_error(
                fmt::format("cannot write '{}' ({}): {}", name_, option, std::strerror(errno)));
        }
        fd_ = owned_.get();
        return;
    }
    name_ = "standard output";
    fd_ = STDOUT_FILENO;
    struct stat st;
    if (fstat(fd_, &st) != 0) {
        throw std::runtime_error(fmt::format("cannot use standard output: {}", std::strerror(errno)));
    }
    if (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode)) {
        // Setting O_NONBLOCK on descriptor 1 itself would set it for everyone who shares it, the shell
        // included. Opening it anew gives us a file description of our own.
        owned_.reset(open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
        may_block_ = !owned_;
        if (owned_) fd_ = owned_.get();
    } else {
        may_block_ = S_ISSOCK(st.st_mode);  // regular files never block
    }
}

void OutputSink::put(const std::uint8_t* bytes, std::size_t size) {
    if (failed() || size == 0) return;
    inside_line_ = bytes[size - 1] != '\n';
    buffer_.assign(bytes, bytes + size);
    sent_ = 0;
    flush();
}

long OutputSink::write_some(const std::uint8_t* bytes, std::size_t size) {
    if (!may_block_) return write(fd_, bytes, size);
    const long sent = send(fd_, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0 || errno != ENOTSOCK) return sent;
    // Only a descriptor that permissions keep from being reopened comes here (a terminal after su): small
    // pieces when it is ready wait at most for a moment.
    pollfd ready{fd_, POLLOUT, 0};
    if (poll(&ready, 1, 0) <= 0) {
        errno = EAGAIN;
        return -1;
    }
    return write(fd_, bytes, std::min<std::size_t>(size, 128));
}

void OutputSink::reader_has_gone() {
    if (!failed()) error_ = EPIPE;
    buffer_.clear();
    sent_ = 0;
}

void OutputSink::flush() {
    while (pending() && !failed()) {
        const long n = write_some(buffer_.data() + sent_, buffer_.size() - sent_);
        if (n >= 0) {
            sent_ += static_cast<std::size_t>(n);
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR) {
            error_ = errno;
        }
    }
    if (!pending() || failed()) {
        buffer_.clear();
        sent_ = 0;
    }
}

}  // namespace ringpress
