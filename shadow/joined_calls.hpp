// The host's mappings, with what is unmapped, and what is mapped to run, put off until something else is
// asked for: guests flush page after page with invlpg, a working set has code in page after page, and
// neighbours can go in one call.
#pragma once

#include "shadow/host_space.hpp"

namespace ringpress {

class JoinedCalls final : public HostSpace {
  public:
    /// `calls` counts the calls that unmap or map views; `joins` false: nothing is put off.
    JoinedCalls(HostSpace& host, std::uint64_t& calls, bool joins)
        : host_(host), calls_(calls), joins_(joins) {}

    /// Does what was put off.  Before the guest runs natively there must be nothing left.
    void finish() {
        if (end_ == first_) return;
        const gva at(static_cast<std::uint32_t>(first_));
        if (views_)
            host_.map_view(at, slot_, static_cast<std::uint32_t>((end_ - first_) >> kPageShift));
        else
            host_.unmap(at, end_ - first_);
        ++calls_;
        first_ = end_ = 0;
    }
    /// True if something waits to be unmapped.
    bool waits() const { return end_ != first_ && !views_; }

    void unmap(gva at, std::uint64_t bytes) override {
        const std::uint64_t first = at.value, end = first + bytes;
        if (views_) finish();
        if (end == first_ && end_ != first_) {
            first_ = first;
        } else if (first == end_ && end_ != first_) {
            end_ = end;
        } else {
            finish();
            first_ = first;
            end_ = end;
            views_ = false;
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
        const std::uint64_t end = std::uint64_t{at.value} + (std::uint64_t{pages} << kPageShift);
        const auto next_slot = slot_ + static_cast<std::uint32_t>((end_ - first_) >> kPageShift);
        if (views_ && end_ != first_ && at.value == end_ && first_slot == next_slot) {
            end_ = end;
        } else if (views_ && end_ != first_ && end == first_ && first_slot + pages == slot_) {
            first_ = at.value;
            slot_ = first_slot;
        } else {
            finish();
            first_ = at.value;
            end_ = end;
            slot_ = first_slot;
            views_ = true;
        }
        if (!joins_) finish();
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
    std::uint64_t first_ = 0, end_ = 0;  ///< linear addresses [first, end) of what waits
    bool views_ = false;                 ///< it is to be mapped, or else unmapped
    std::uint32_t slot_ = 0;             ///< the first of its slots
};

}  // namespace ringpress
