#include "monitor/trace/line_reader.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace ringpress {

namespace {
constexpr std::size_t kPadding = 64;  // what SIMD parsers may read behind the end
}

LineReader::LineReader(const std::string& path)
    : path_(path), file_(std::fopen(path.c_str(), "re")), buffer_(2 * kLongest + kPadding, '\0') {
    if (!file_) throw std::runtime_error(fmt::format("cannot read '{}': {}", path, std::strerror(errno)));
}

bool LineReader::next(std::string_view& line) {
    for (;;) {
        const char* first = buffer_.data() + begin_;
        const auto* newline = static_cast<const char*>(std::memchr(first, '\n', end_ - begin_));
        if (newline) {
            line = {first, static_cast<std::size_t>(newline - first)};
            begin_ += line.size() + 1;
            ++number_;
            return true;
        }
        if (end_ - begin_ >= kLongest) {
            throw std::runtime_error(
                fmt::format("'{}': line {} is longer than any line of a trace", path_, number_ + 1));
        }
        std::memmove(buffer_.data(), first, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
        const std::size_t got = std::fread(buffer_.data() + end_, 1, 2 * kLongest - end_, file_.get());
        if (got == 0) {
            if (std::ferror(file_.get())) {
                throw std::runtime_error(fmt::format("cannot read '{}': {}", path_, std::strerror(errno)));
            }
            if (end_ == 0) return false;
            cut_ = true;
            line = {buffer_.data(), end_};
            end_ = 0;
            ++number_;
            return true;
        }
        end_ += got;
    }
}

}  // namespace ringpress
