// A file that a command makes: what converters and reports write to.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

namespace ringpress {

class OutputFile {
  public:
    /// "-": standard output.  Throws std::runtime_error with one line if it cannot be written.
    explicit OutputFile(const std::string& path);

    void put(std::string_view text);
    /// Everything has been put: throws if not all of it could be written.
    void finish();

  private:
    [[noreturn]] void refuse() const;
    struct Close {
        void operator()(FILE* file) const {
            if (file != stdout) std::fclose(file);
        }
    };
    const std::string name_;  ///< for messages
    std::unique_ptr<FILE, Close> file_;
};

}  // namespace ringpress
