// The lines of a file, one by one, of bounded length.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

namespace ringpress {

class LineReader {
  public:
    static constexpr std::size_t kLongest = 1 << 20;

    /// Throws std::runtime_error with one line if the file cannot be read.
    explicit LineReader(const std::string& path);

    /// The next line, without its end; false at the end of the file.  Good until the next call, with
    /// 64 readable bytes behind it.  Throws std::runtime_error if reading fails.
    bool next(std::string_view& line);
    /// The last line had no line end: the file was cut off in its midst, or is no text.
    bool cut() const { return cut_; }
    std::size_t number() const { return number_; }  ///< of the last line, from 1

  private:
    struct Close {
        void operator()(FILE* file) const { std::fclose(file); }
    };
    const std::string path_;
    std::unique_ptr<FILE, Close> file_;
    std::string buffer_;
    std::size_t begin_ = 0, end_ = 0;  ///< of what is in the buffer
    std::size_t number_ = 0;
    bool cut_ = false;
};

}  // namespace ringpress
