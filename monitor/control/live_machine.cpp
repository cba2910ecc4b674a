#include "monitor/control/live_machine.hpp"

#include <poll.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

#include "monitor/engine_common.hpp"

namespace ringpress {

namespace {
// A core that is at work on one trap comes to rest within microseconds; on a busy host it may not get to run.
constexpr int kWaitMilliseconds = 20, kMaxWaits = 250;
}  // namespace

void LiveMachine::begin(const MachineLife& life) {
    life_.emplace(life);
    guest_.emplace(life.arena, life.ram);
    guest_->on_write([this](gpa) { life_->run.state_replaced(); });
    wish_ = Wish::none;
    symbols_.forget_place();
}

std::optional<Snapshot> LiveMachine::take_snapshot() {
    wish_ = Wish::none;
    return std::exchange(next_, std::nullopt);
}

double LiveMachine::seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
}

bool LiveMachine::wait_for_core() {
    if (patience_-- <= 0 || life_->arena.stop.reason.load() != StopReason::none) return false;
    pollfd ready{life_->notify_fd, POLLIN, 0};
    poll(&ready, 1, kWaitMilliseconds);
    std::uint64_t rung;
    // Nobody else has seen what it told about: it is told again below.
    [[maybe_unused]] const ssize_t n = read(life_->notify_fd, &rung, sizeof rung);
    return true;
}

void LiveMachine::while_stopped(const std::function<void()>& look) {
    patience_ = kMaxWaits;
    life_->run.while_held(look, [this] { return wait_for_core(); });
    notify_supervisor();
}

void LiveMachine::stop() {
    life_->run.request_stop();
    wait_for_stop();
}

void LiveMachine::wait_for_stop() {
    patience_ = kMaxWaits;
    while (!life_->run.stopped() && wait_for_core()) life_->run.handle({});
    notify_supervisor();
}

void LiveMachine::resume() {
    if (life_->run.stopped()) life_->run.resume();
}

void LiveMachine::save(const std::string& path) {
    const bool ran = running();
    const auto facts = describe_machine(config_, life_->model, ran, life_->drives);
    save_snapshot(path, facts, life_->arena, life_->ram, life_->drives);
}

void LiveMachine::load(const std::string& path) {
    Snapshot snapshot = load_snapshot(path);
    check_fits(snapshot.facts, config_, life_->model, life_->drives);
    next_.emplace(std::move(snapshot));
    ran_ = running();
    wish_ = Wish::load;
}

void LiveMachine::restore(const Snapshot& snapshot, bool run) {
    check_fits(snapshot.facts, config_, life_->model, life_->drives);
    stop();
    if (running()) throw std::runtime_error("the guest process does not come to rest");
    restore_state(snapshot.state, life_->arena);
    restore_drives(snapshot.overlays, life_->drives);
    life_->run.set_fpu(snapshot.state.fpu);
    life_->run.state_replaced();
    if (run) resume();
}

// The devices' state is all in the arena, and the core is at rest: the supervisor may be the core for a
// moment.
std::uint32_t LiveMachine::port_in(std::uint16_t port, unsigned width) {
    life_->pc.advance(life_->arena.run.guest_time);
    return life_->pc.port_in(port, width);
}

void LiveMachine::port_out(std::uint16_t port, unsigned width, std::uint32_t value) {
    life_->pc.advance(life_->arena.run.guest_time);
    life_->pc.port_out(port, width, value);
}

bool LiveMachine::press_nmi() {
    if (!life_->pc.nmi()) return false;
    life_->arena.cpu.nmi_pending = 1;
    return true;
}

void LiveMachine::step(bool to_trap) {
    if (!life_->run.stopped()) throw std::runtime_error("the guest runs: stop it first");
    if (to_trap)
        life_->run.run_to_trap();
    else
        life_->run.step();
    wait_for_stop();
    if (running()) throw std::runtime_error("nothing came that could stop the guest: it runs");
}

std::string LiveMachine::name_of(std::uint32_t address) {
    GuestSymbols& symbols = symbols_.get();
    symbols.locate(std::as_bytes(life_->ram));
    return symbols.name_of(address);
}

bool LiveMachine::send_scan_codes(const std::string& bytes) {
    if (life_->arena.keyboard_in.space() < bytes.size()) return false;
    for (const char c : bytes) life_->arena.keyboard_in.push(static_cast<std::uint8_t>(c));
    life_->ring();
    return true;
}

}  // namespace ringpress
