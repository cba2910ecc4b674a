// The host's mappings, with what is unmapped put off until something else is asked for: guests flush page
// after page with invlpg, and neighbours can go in one call.
#pragma once

#include "shadow/host_space.hpp"

namespace ringpress {

class JoinedUnmaps final : public HostSpace {
  public:
    /// `calls` counts the calls that unmap; `joins` false: nothing is put off.
    JoinedUnmaps(HostSpace& host, std::uint64_t& calls, bool joins)
        : host_(host), calls_(calls), joins_(joins) {}

    /// Does what was put off.  Before the guest runs natively there must be nothing left.
    void finish() {
        if (end_ == first_) return;
        host_.unmap(gva(static_cast<std::uint32_t>(first_)), end_ - first_);
        ++calls_;
        first_ = end_ = 0;
    }

    bool waits() const { return end_ != first_; }

    void unmap(gva at, std::uint64_t bytes) override {
        const std::uint64_t first = at.value, end = first + bytes;
        if (end == first_ && end_ != first_) {
            first_ = first;
        } else if (first == end_ && end_ != first_) {
            end_ = end;
        } else {
            finish();
            first_ = first;
            end_ = end;
        }
        if (!joins_) finish();
    }
    void map_ram(gva at, std::uint32_t from, std::uint32_t bytes, bool writable, bool executable,
                 bool populate) override {
        finish();
        host_.map_ram(at, from, bytes, writable, executable, populate);
    }
    void show_ram(gpa page, std::uint32_t from) override {
        finish();
        host_.show_ram(page, from);
    }
    void map_view(gva at, std::uint32_t first_slot, std::uint32_t pages) override {
        finish();
        host_.map_view(at, first_slot, pages);
    }
    void map_bounce(gva at) override {
        finish();
        host_.map_bounce(at);
    }
    void map_anchor(gva at) override {
        finish();
        host_.map_anchor(at);
    }
    void protect_ram(gva at, std::uint32_t bytes, bool writable) override {
        finish();
        host_.protect_ram(at, bytes, writable);
    }
    void load_descriptor(unsigned slot, const HostDescriptor& descriptor) override {
        host_.load_descriptor(slot, descriptor);
    }

  private:
    HostSpace& host_;
    std::uint64_t& calls_;
    bool joins_;
    std::uint64_t first_ = 0, end_ = 0;  ///< linear addresses [first, end), to be unmapped
};

}  // namespace ringpress
