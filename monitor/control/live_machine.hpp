// The machine of a run as its monitors see it: one object, while the machine is reset or replaced under it.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "monitor/control/machine_control.hpp"
#include "monitor/debug/gdb_server.hpp"
#include "monitor/debug/run_control.hpp"
#include "monitor/devices/pc.hpp"
#include "monitor/drive_image.hpp"
#include "monitor/snapshot/snapshot.hpp"
#include "monitor/symbols/guest_symbols.hpp"
#include "monitor/trace/trap_stream.hpp"

namespace ringpress {

/// What there is from one power-on to the next.  Everything outlives it.
struct MachineLife {
    Arena& arena;
    int arena_fd;
    std::span<std::uint8_t> ram;
    RunControl& run;
    std::function<void()> ring;
    int notify_fd;  ///< readable when the core has something to say
    const CpuModel& model;
    Pc& pc;
    const std::vector<DriveImage>& drives;
    TrapStream& traps;
    GdbServer& gdb;
};

class LiveMachine final : public MachineControl {
  public:
    /// What a command has asked for; the event loop does it when the command has been answered.
    enum class Wish : std::uint8_t { none, quit, reset, load };

    LiveMachine(const RunConfig& config, SymbolsOnDemand& symbols) : config_(config), symbols_(symbols) {}

    void begin(const MachineLife& life);
    void end() { life_.reset(); }
    Wish wish() const { return wish_; }
    /// The snapshot to go on from, and no wish any more.
    std::optional<Snapshot> take_snapshot();

    /// The machine of a new life, which has been asked to stop at its start, becomes that of the snapshot.
    /// Throws std::runtime_error if the snapshot is of another kind of machine.
    void restore(const Snapshot& snapshot, bool run);
    /// Whether the guest ran when `load` was asked for.
    bool ran_before_load() const { return ran_; }

    const RunConfig& config() const override { return config_; }
    const Arena& arena() const override { return life_->arena; }
    int arena_fd() const override { return life_->arena_fd; }
    GuestAccess& guest() override { return *guest_; }
    double seconds() const override;
    bool running() const override { return !life_->run.stopped(); }
    void while_stopped(const std::function<void()>& look) override;
    void stop() override;
    void resume() override;
    void quit() override { wish_ = Wish::quit; }
    void reset() override { wish_ = Wish::reset; }
    void save(const std::string& path) override;
    void load(const std::string& path) override;
    std::uint32_t port_in(std::uint16_t port, unsigned width) override;
    void port_out(std::uint16_t port, unsigned width, std::uint32_t value) override;
    bool press_nmi() override;
    void step(bool to_trap) override;
    std::string name_of(std::uint32_t address) override;
    bool send_scan_codes(const std::string& bytes) override;
    void log(const std::vector<std::string>& items) override { life_->traps.log(items); }
    void listen_for_gdb(const std::string& address) override {
        life_->gdb.listen(GdbAddress::parse(address));
    }

  private:
    bool wait_for_core();
    void wait_for_stop();

    const RunConfig& config_;
    std::optional<MachineLife> life_;
    std::optional<GuestAccess> guest_;
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    Wish wish_ = Wish::none;
    std::optional<Snapshot> next_;
    bool ran_ = true;
    SymbolsOnDemand& symbols_;
    int patience_ = 0;  ///< times that wait_for_core() goes on waiting
};

}  // namespace ringpress
