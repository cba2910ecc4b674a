#include "monitor/trace/output_file.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace ringpress {

OutputFile::OutputFile(const std::string& path)
    : name_(path == "-" ? "standard output" : fmt::format("'{}'", path)),
      file_(path == "-" ? stdout : std::fopen(path.c_str(), "we")) {
    if (!file_) refuse();
}

void OutputFile::refuse() const {
    throw std::runtime_error(fmt::format("cannot write {}: {}", name_, std::strerror(errno)));
}

void OutputFile::put(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size()) refuse();
}

void OutputFile::finish() {
    if (std::fflush(file_.get()) != 0) refuse();
}

}  // namespace ringpress
