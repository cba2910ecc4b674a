// The world around a device, held in a test's hands.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "monitor/devices/pc.hpp"

namespace ringpress::fakes {

struct Lines : IrqLines {
    std::array<bool, 16> level{};
    std::array<unsigned, 16> rises{};
    void set(unsigned irq, bool to) override {
        if (to && !level.at(irq)) ++rises[irq];
        level.at(irq) = to;
    }
};

struct Clock : DeviceClock {
    Nanoseconds time = 0;
    std::int64_t epoch = 0;
    Nanoseconds now() const override { return time; }
    std::int64_t epoch_seconds() const override { return epoch; }
};

struct Channel : ByteChannel {
    std::string sent;
    std::deque<std::uint8_t> waiting;
    std::size_t room = ~std::size_t{0};
    bool can_send() const override { return room > 0; }
    void send(std::uint8_t byte) override {
        if (!room) return;
        --room;
        sent.push_back(static_cast<char>(byte));
    }
    bool can_receive() const override { return !waiting.empty(); }
    std::uint8_t receive() override {
        const std::uint8_t byte = waiting.front();
        waiting.pop_front();
        return byte;
    }
    void type(const std::string& text) { waiting.insert(waiting.end(), text.begin(), text.end()); }
};

struct Power : PowerControl {
    int exit_code = -1;
    unsigned offs = 0, resets = 0;
    void exit_with(int code) override { exit_code = code; }
    void power_off() override { ++offs; }
    void reset() override { ++resets; }
};

/// A whole board with its surroundings.
struct TestBoard {
    Channel serial, debugcon, keyboard;
    Power power;
    std::vector<std::uint8_t> disk;
    std::unique_ptr<DeviceState> state = std::make_unique<DeviceState>();
    std::unique_ptr<Pc> pc;

    explicit TestBoard(Board kind = Board::pc, std::size_t disk_sectors = 0) {
        disk.resize(disk_sectors * 512);
        pc = build(*state, kind);
        pc->power_on();
    }
    std::unique_ptr<Pc> build(DeviceState& over, Board kind) {
        PcConfig config;
        config.board = kind;
        config.ram_bytes = 128u << 20;
        config.epoch_seconds = 1'700'000'000;
        config.drives[0] = Disk(disk);
        config.debug_exit = true;
        return std::make_unique<Pc>(over, config, PcHost{serial, debugcon, keyboard, power});
    }
    void out(std::uint16_t port, std::uint32_t value, unsigned width = 1) {
        pc->port_out(port, width, value);
    }
    std::uint32_t in(std::uint16_t port, unsigned width = 1) { return pc->port_in(port, width); }
    /// Vectors 0x20 and 0x28, everything masked.
    void set_up_pic() {
        out(0x20, 0x11);
        out(0x21, 0x20);
        out(0x21, 4);
        out(0x21, 1);
        out(0xA0, 0x11);
        out(0xA1, 0x28);
        out(0xA1, 2);
        out(0xA1, 1);
        out(0x21, 0xFF);
        out(0xA1, 0xFF);
    }
    /// Sleeps like a halted guest: from deadline to deadline, until `until` or an interrupt.
    bool sleep(Nanoseconds until) {
        while (!pc->interrupt_pending()) {
            const Nanoseconds next = pc->next_deadline();
            if (next > until) {
                pc->advance(until);
                return pc->interrupt_pending();
            }
            pc->advance(next);
        }
        return true;
    }
};

}  // namespace ringpress::fakes
