// Host mappings collected as a list of calls: the ptrace engine's way.
#pragma once

#include <span>

#include "monitor/batch.hpp"
#include "monitor/memory_file.hpp"
#include "shadow/host_space.hpp"

namespace ringpress {

class HostSpaceBatch final : public HostSpace {
  public:
    /// Who has the guest process make the calls.
    class Runner {
      public:
        virtual ~Runner() = default;
        /// Makes all calls collected so far, and clears them.
        virtual void run_batch() = 0;
    };

    /// Throws std::runtime_error if the host has no memory for the shared page.
    /// ram: where the supervisor has the file of RAM mapped.
    HostSpaceBatch(std::uint8_t* ram, int ram_fd, int view_fd);
    /// The runner is called when the list is full.  A list that fills up without one is a bug.
    void set_runner(Runner* runner) { runner_ = runner; }

    void map_ram(gva at, std::uint32_t from, std::uint32_t bytes, bool writable, bool executable,
                 bool populate) override;
    void show_ram(gpa page, std::uint32_t from) override;
    void map_view(gva at, std::uint32_t first_slot, std::uint32_t pages) override;
    void map_bounce(gva at) override;
    void map_anchor(gva at) override;
    void protect_ram(gva at, std::uint32_t bytes, bool writable) override;
    void unmap(gva at, std::uint64_t bytes) override;
    void load_descriptor(unsigned slot, const HostDescriptor& descriptor) override;

    /// What is waiting.  The count is the supervisor's own, not in shared memory.
    std::span<const BatchCall> calls() const { return {memory_->call, count_}; }
    /// True if a descriptor is among them: the guest's selectors are not loadable before it is.
    bool loads_descriptors() const { return loads_descriptors_; }
    void clear() {
        count_ = 0;
        loads_descriptors_ = false;
    }

    /// Mapped at the same address in the supervisor and, after the fork, in the guest process.
    BatchMemory& memory() { return *memory_; }

  private:
    BatchCall& add();

    std::uint8_t* ram_;
    int ram_fd_, view_fd_;
    MemoryFile file_;
    boost::interprocess::mapped_region region_;
    BatchMemory* memory_;
    Runner* runner_ = nullptr;
    std::uint32_t count_ = 0;
    bool loads_descriptors_ = false;
};

}  // namespace ringpress
