// Names of running virtual machines.
//
// A name is an abstract UNIX socket address, "ringpress/<uid>/<name>" (unix(7)): the kernel lets only one
// socket have it, and forgets it together with the process, however that ends.  So no file is ever left
// behind, and no stale one has to be told from a live one.
#pragma once

#include <string>
#include <vector>

#include "monitor/unique_fd.hpp"

namespace ringpress {

/// Throws std::runtime_error with one line if `name` cannot name a machine: 1 to 64 letters, digits, '.', '_'
/// or
/// '-', the first a letter or a digit.
void check_vm_name(const std::string& name);

/// A name for a machine that was given none: "vm-PID".
std::string default_vm_name();

/// Names of this user's machines on this host, sorted.  Those of other containers with networks of their own
/// are not among them.
std::vector<std::string> running_vm_names();

/// A connection to a machine of this user's.  Throws std::runtime_error with one line if there is none of
/// that name, or if it is another user's process that took the name.
UniqueFd connect_to_vm(const std::string& name);

/// True if the process at the other end of a connected UNIX socket runs as this user.
bool peer_is_this_user(int socket);

/// Holds a name while it lives.  The guest process must not inherit it (close fd() there).
class VmName {
  public:
    /// Throws std::runtime_error with one line if another machine of this user has the name.
    explicit VmName(const std::string& name);
    /// The listening socket, for a control connection.
    int fd() const { return socket_.get(); }
    const std::string& text() const { return name_; }

  private:
    std::string name_;
    UniqueFd socket_;
};

}  // namespace ringpress
