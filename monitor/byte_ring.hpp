// A single-producer single-consumer byte queue in the arena, between the guest process and the supervisor.
//
// Either side may be hostile to the other, so neither believes the indices: each reads the peer's index once
// and clamps it, and every access is masked into the buffer.  The worst a forged index can do is to lose
// bytes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace ringpress {

template <std::size_t Capacity>
struct ByteRing {
    static_assert((Capacity & (Capacity - 1)) == 0 && Capacity >= 2 && Capacity <= (1u << 30));
    std::atomic<std::uint32_t> written{
        0};                               ///< total bytes ever put, modulo 2^32; changed by the producer only
    std::atomic<std::uint32_t> taken{0};  ///< total bytes ever taken; changed by the consumer only
    std::uint8_t bytes[Capacity] = {};

    /// Bytes waiting, never more than Capacity.
    std::size_t size() const {
        const std::uint32_t n =
            written.load(std::memory_order_acquire) - taken.load(std::memory_order_acquire);
        return n <= Capacity ? n : Capacity;
    }
    std::size_t space() const { return Capacity - size(); }

    bool push(std::uint8_t byte) {
        if (space() == 0) return false;
        const std::uint32_t at = written.load(std::memory_order_relaxed);
        bytes[at & (Capacity - 1)] = byte;
        written.store(at + 1, std::memory_order_release);
        return true;
    }
    bool pop(std::uint8_t& byte) {
        if (size() == 0) return false;
        const std::uint32_t at = taken.load(std::memory_order_relaxed);
        byte = bytes[at & (Capacity - 1)];
        taken.store(at + 1, std::memory_order_release);
        return true;
    }
    /// Takes up to `room` bytes; returns how many.
    std::size_t pop(std::uint8_t* into, std::size_t room) {
        std::size_t n = 0;
        while (n < room && pop(into[n])) ++n;
        return n;
    }
};

}  // namespace ringpress
