// Names of running virtual machines.
//
// A name is an abstract UNIX socket address, "ringpress/<uid>/<name>" (unix(7)): the kernel lets only one
// socket have it, and forgets it together with the process, however that ends.  So no file is ever left
// behind, and no stale one has to be told from a live one.
#pragma once

#include <string>

#include "monitor/unique_fd.hpp"

namespace ringpress {

/// Throws std::runtime_error with one line if `name` cannot name a machine: 1 to 64 letters, digits, '.', '_'
/// or
/// '-', the first a letter or a digit.
void check_vm_name(const std::string& name);

/// Holds a name while it lives.  The guest process must not inherit it (close fd() there).
class VmName {
  public:
    /// Throws std::runtime_error with one line if another machine of this user has the name.
    explicit VmName(const std::string& name);
    /// The listening socket, for a control connection.
    int fd() const { return socket_.get(); }

  private:
    UniqueFd socket_;
};

}  // namespace ringpress
