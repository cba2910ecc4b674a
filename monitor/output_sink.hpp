// Where guest output goes on the host: standard output or a file, written without ever waiting for a reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "monitor/unique_fd.hpp"

namespace ringpress {

/// Empties the file of a channel, if it is one: at the start of a run.  A machine that is reset starts over,
/// its output goes on.
void empty_output_file(const std::string& channel);

class OutputSink {
  public:
    /// channel: "stdio" or "file:PATH" (made if need be; what is written goes behind what it holds). `option`
    /// names it in messages. Throws std::runtime_error with one line if the file cannot be written.
    OutputSink(const std::string& channel, const char* option);

    int fd() const { return fd_; }
    /// Bytes taken, but not written yet: wait for POLLOUT and call flush().
    bool pending() const { return sent_ < buffer_.size(); }
    /// poll() says POLLERR: the other end of the pipe is closed, even if nothing is to be written now.
    void reader_has_gone();
    /// True once the reader has gone, or a write has failed: error() says which (an errno value).  What is
    /// put after that is dropped.
    bool failed() const { return error_ != 0; }
    int error() const { return error_; }
    /// True if what was put last did not end a line: a message after it would not begin one.
    bool inside_line() const { return inside_line_; }
    const std::string& name() const { return name_; }  ///< for messages

    /// Takes bytes.  Only when nothing is pending.
    void put(const std::uint8_t* bytes, std::size_t size);
    /// Writes as much as the host takes now.
    void flush();

  private:
    long write_some(const std::uint8_t* bytes, std::size_t size);

    std::string name_;
    UniqueFd owned_;
    int fd_ = -1;
    bool may_block_ = false;  ///< the descriptor could not be opened anew as non-blocking
    bool inside_line_ = false;
    int error_ = 0;
    std::vector<std::uint8_t> buffer_;
    std::size_t sent_ = 0;
};

}  // namespace ringpress
