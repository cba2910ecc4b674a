// Guest kernels that the program carries along, as files without a name.
#pragma once

#include <string>

#include "monitor/unique_fd.hpp"

namespace ringpress {

class EmbeddedKernel {
  public:
    /// The bytes from begin to end, as embed_file() of guestkit/add_guest.cmake has put them into the
    /// program. Throws std::runtime_error if the host has no memory for a copy.
    EmbeddedKernel(const char* name, const char* begin, const char* end);

    /// A path that this process, and what it forks, can open.
    std::string path() const;

  private:
    UniqueFd file_;
};

}  // namespace ringpress
