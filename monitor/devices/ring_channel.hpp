// A ByteChannel over the rings of the arena, as the guest process sees them.
#pragma once

#include <cstddef>

#include "monitor/byte_ring.hpp"
#include "monitor/devices/device.hpp"

namespace ringpress {

/// A channel that takes bytes and gives none, or the other way round, has a null ring on that side: what is sent
/// is dropped then, and counts as sent.
template <std::size_t OutCapacity, std::size_t InCapacity>
class RingChannel final : public ByteChannel {
  public:
    RingChannel(ByteRing<OutCapacity>* out, ByteRing<InCapacity>* in) : out_(out), in_(in) {}

    bool can_send() const override { return !out_ || out_->space() != 0; }
    void send(std::uint8_t byte) override {
        if (out_) out_->push(byte);
    }
    bool can_receive() const override { return in_ && in_->size() != 0; }
    std::uint8_t receive() override {
        std::uint8_t byte = 0;
        if (in_) in_->pop(byte);
        return byte;
    }

  private:
    ByteRing<OutCapacity>* out_;
    ByteRing<InCapacity>* in_;
};

}  // namespace ringpress
