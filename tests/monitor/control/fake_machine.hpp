// A machine of the monitor's without a guest process: an arena and RAM that a test fills, and what was asked
// of it.
#pragma once

#include <sys/mman.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <new>
#include <vector>

#include "monitor/control/machine_control.hpp"

namespace ringpress::test {

class FakeMachine final : public MachineControl {
  public:
    static constexpr std::uint32_t kRam = 4u << 20;

    FakeMachine()
        : memory_(mmap(nullptr, sizeof(Arena), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)),
          ram(kRam),
          access_(*static_cast<Arena*>(memory_), ram) {
        REQUIRE(memory_ != MAP_FAILED);
        new (&writable().cpu) VCpu{};
        new (&writable().devices) DeviceState{};
        settings.name = "fake";
    }
    ~FakeMachine() override { munmap(memory_, sizeof(Arena)); }

    Arena& writable() { return *static_cast<Arena*>(memory_); }
    VCpu& cpu() { return writable().cpu; }
    void poke(std::uint32_t at, std::uint32_t value) { std::memcpy(&ram[at], &value, sizeof value); }
    /// 32-bit paging with tables at 0x1000 (directory) and 0x2000 (for addresses from 0 on).
    void turn_paging_on() {
        cpu().cr0 = cr0::PE | cr0::PG;
        cpu().cr3 = 0x1000;
        cpu().cr4 = cr4::PSE;
        poke(0x1000, 0x2000 | pte::P | pte::RW | pte::US);
    }

    const RunConfig& config() const override { return settings; }
    const Arena& arena() const override { return *static_cast<const Arena*>(memory_); }
    int arena_fd() const override { return arena_descriptor; }
    GuestAccess& guest() override { return access_; }
    double seconds() const override { return 1; }
    bool running() const override { return runs; }
    void while_stopped(const std::function<void()>& look) override {
        ++looks;
        look();
    }
    void stop() override { runs = false; }
    void resume() override { runs = true; }
    void quit() override { asked += "quit "; }
    void reset() override { asked += "reset "; }
    void save(const std::string& path) override { asked += "save " + path + " "; }
    void load(const std::string& path) override { asked += "load " + path + " "; }
    std::uint32_t port_in(std::uint16_t port, unsigned width) override {
        asked += "in " + std::to_string(port) + "/" + std::to_string(width) + " ";
        return 0x13;
    }
    void port_out(std::uint16_t port, unsigned width, std::uint32_t value) override {
        asked +=
            "out " + std::to_string(port) + "/" + std::to_string(width) + "=" + std::to_string(value) + " ";
    }
    void step(bool to_trap) override { asked += to_trap ? "trap " : "step "; }
    std::string name_of(std::uint32_t address) override {
        return address == 0x1234 ? "start_kernel+0x4" : "";
    }
    bool send_scan_codes(const std::string& bytes) override {
        scan_codes += bytes;
        return true;
    }

    bool press_nmi() override {
        asked += "nmi ";
        return nmi_arrives;
    }
    void log(const std::vector<std::string>& items) override {
        asked += "log";
        for (const std::string& item : items) asked += "," + item;
        asked += " ";
    }
    void listen_for_gdb(const std::string& address) override { asked += "gdb " + address + " "; }

    RunConfig settings;
    bool nmi_arrives = true;
    bool runs = true;
    int arena_descriptor = -1;
    unsigned looks = 0;
    std::string asked, scan_codes;

  private:
    void* memory_;

  public:
    std::vector<std::uint8_t> ram;

  private:
    GuestAccess access_;
};

}  // namespace ringpress::test
