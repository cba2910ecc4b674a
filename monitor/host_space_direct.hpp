// Host mappings made in place: the seccomp engine's way, from within the guest process.
#pragma once

#include "shadow/host_space.hpp"

namespace ringpress {

class HostSpaceDirect final : public HostSpace {
  public:
    /// ram: where the guest process has the file of RAM mapped for itself.
    HostSpaceDirect(std::uint8_t* ram, int ram_fd, int view_fd)
        : ram_(ram), ram_fd_(ram_fd), view_fd_(view_fd) {}
    void map_ram(gva at, std::uint32_t from, std::uint32_t bytes, bool writable, bool executable,
                 bool populate) override;
    void show_ram(gpa page, std::uint32_t from) override;
    void map_view(gva at, std::uint32_t first_slot, std::uint32_t pages) override;
    void map_bounce(gva at) override;
    void map_anchor(gva at) override;
    void protect_ram(gva at, std::uint32_t bytes, bool writable) override;
    void unmap(gva at, std::uint64_t bytes) override;
    void load_descriptor(unsigned slot, const HostDescriptor& descriptor) override;

  private:
    std::uint8_t* ram_;
    int ram_fd_, view_fd_;
};

}  // namespace ringpress
