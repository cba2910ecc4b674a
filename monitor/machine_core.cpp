#include "monitor/machine_core.hpp"

#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "monitor/host_clock.hpp"
#include "monitor/tsc_frequency.hpp"
#include "shadow/check.hpp"
#include "shadow/gate_sites.hpp"

namespace ringpress {

namespace {

template <std::size_t Out, std::size_t In>
class RingChannel final : public ByteChannel {
  public:
    RingChannel(ByteRing<Out>* out, ByteRing<In>* in, Arena& arena, void (*notify)())
        : out_(out), in_(in), arena_(arena), notify_(notify) {}
    bool can_send() const override { return !out_ || out_->space() != 0; }
    void send(std::uint8_t byte) override {
        if (!out_) return;
        out_->push(byte);
        // The supervisor says when it goes to sleep, so that a busy one is not called for every byte.
        if (arena_.supervisor_waits.exchange(0)) notify_();
    }
    bool can_receive() const override { return in_ && in_->size() != 0; }
    std::uint8_t receive() override {
        std::uint8_t byte = 0;
        in_->pop(byte);
        return byte;
    }

  private:
    ByteRing<Out>* out_;
    ByteRing<In>* in_;
    Arena& arena_;
    void (*notify_)();
};

class HostTime final : public TimeSource {
  public:
    explicit HostTime(VCpu& cpu) : cpu_(cpu) {}
    std::uint64_t guest_tsc() override { return __rdtsc() + cpu_.msr.tsc_offset; }
    Nanoseconds now() override { return clock_.now() - start_; }
    void start() { start_ = clock_.now(); }
    void pause(RunState& run) {
        paused_tsc_ = guest_tsc();
        run.guest_time = now();
        run.guest_tsc = paused_tsc_;
    }
    /// unseen: the guest has not executed anything yet, so any counter will do.
    void resume(const RunState& run, bool unseen) {
        start_ = clock_.now() - run.guest_time;
        if (unseen && !was_set(run)) return;
        cpu_.msr.tsc_offset = run.guest_tsc - __rdtsc();
    }
    bool ignore_pause(const RunState& run) { return !was_set(run) && now() - run.guest_time < kShortLook; }

  private:
    /// What the host's scheduler may take from a process when it is busy.
    static constexpr Nanoseconds kShortLook = 100'000'000;
    /// The supervisor has given the guest another time, a snapshot's.
    bool was_set(const RunState& run) const { return run.guest_tsc != paused_tsc_; }

    const HostClock clock_{vdso_asks_the_kernel()};
    VCpu& cpu_;
    Nanoseconds start_ = 0;
    std::uint64_t paused_tsc_ = 0;
};

SensitiveLevel level_of(Sensitive s) {
    switch (s) {
        case Sensitive::ignore: return SensitiveLevel::ignore;
        case Sensitive::trap: return SensitiveLevel::trap;
        case Sensitive::inline_: break;
    }
    return SensitiveLevel::inline_;
}

/// What lies between the instruction and the EIP that the hardware reports for a trap, SDM Vol. 3A, section
/// 6.5.
std::uint32_t stepped_over(const HostTrap& trap) {
    switch (trap.vector) {
        case static_cast<std::uint8_t>(Vector::BP):
        case static_cast<std::uint8_t>(Vector::OF): return 1;
        case kHostSystemCall: return 2;
        default: return 0;
    }
}

Policy policy_for(const RunConfig& config) {
    Policy policy;
    policy.level = level_of(config.sensitive);
    policy.user_code_direct = config.user_code == UserCode::direct;
    policy.tuning = config.tuning;
    policy.open = config.open.ids;
    policy.open_first = config.open.first;
    policy.open_last = config.open.last;
    return policy;
}

ShadowLimits shadow_limits(const RunConfig& config, const HostLimits& host) {
    ShadowLimits limits;
    limits.low_floor = host.low_floor;
    limits.mapping_limit = host.mapping_limit;
    limits.executable_data = config.user_code == UserCode::direct;
    limits.fault_around = config.tuning.around;
    limits.anchors = config.tuning.anchors != 0;
    limits.working_sets = config.tuning.sets != 0;
    limits.gathers = config.tuning.sets && config.tuning.gather;
    limits.in_place = config.tuning.in_place != 0;
    limits.joined_calls = config.tuning.joined != 0;
    return limits;
}

unsigned long read_number(const char* path, unsigned long otherwise) {
    std::ifstream file(path);
    unsigned long value = otherwise;
    file >> value;
    return file ? value : otherwise;
}

}  // namespace

HostLimits host_limits() {
    HostLimits limits;
    limits.low_floor = static_cast<std::uint32_t>(read_number("/proc/sys/vm/mmap_min_addr", 65536));
    // CAP_SYS_RAWIO (17) may map page 0, but a guest process in a user namespace of its own has lost it.
    const unsigned long count = read_number("/proc/sys/vm/max_map_count", 65530);
    limits.mapping_limit = static_cast<std::uint32_t>(count > 8192 ? count - 4096 : count / 2);
    return limits;
}

struct MachineCore::Impl final : PowerControl {
    Impl(const RunConfig& config, const CoreMemory& memory, HostSpace& host, const HostLimits& limits,
         const std::vector<Disk>& drives, void (*notify_supervisor)())
        : arena(*memory.arena),
          notify(notify_supervisor),
          policy(policy_for(config)),
          model(cpu_model_for(config)),
          time(arena.cpu),
          serial(&arena.serial_out, &arena.serial_in, arena, notify_supervisor),
          debugcon(&arena.debugcon_out, nullptr, arena, notify_supervisor),
          keyboard(nullptr, &arena.keyboard_in, arena, notify_supervisor),
          pc(arena.devices, pc_config(config, memory, drives), {serial, debugcon, keyboard, *this}),
          views(arena.shadow, memory.views),
          pages(arena.shadow, arena.cpu, memory.ram, memory.ram_bytes, views, host,
                shadow_limits(config, limits)),
          descriptors(arena.shadow, host),
          stub_data(memory.stubs),
          guest_memory(arena.cpu, memory.ram, memory.ram_bytes, &pc, &pages),
          dispatcher(arena.cpu, guest_memory, pc, time, model,
                     {arena.shadow, pages, views, descriptors, stubs}, decoder, policy, arena.statistics) {
        guest_memory.watch(arena.shadow.debug);
    }

    static PcConfig pc_config(const RunConfig& config, const CoreMemory& memory,
                              const std::vector<Disk>& drives) {
        PcConfig pc;
        pc.epoch_seconds = ::time(nullptr);
        pc.board = config.board;
        pc.ram_bytes = memory.ram_bytes;
        for (std::size_t i = 0; i < drives.size() && i < pc.drives.size(); ++i) pc.drives[i] = drives[i];
        pc.debug_exit = config.debug_exit;
        pc.debug_exit_port = config.debug_exit_port;
        pc.debug_exit_size = config.debug_exit_size;
        return pc;
    }

    static CpuModel cpu_model_for(const RunConfig& config) {
        CpuModel model = host_cpu_model(config.board == Board::pc);
        model.tsc_hz = tsc_frequency();
        return model;
    }

    void stop(StopReason reason, int code, const char* detail) {
        if (arena.stop.reason.load() != StopReason::none) return;
        arena.stop.code = code;
        std::strncpy(arena.stop.detail, detail, sizeof arena.stop.detail - 1);
        arena.stop.reason.store(reason);
    }

    // PowerControl
    void exit_with(int code) override { stop(StopReason::debug_exit, code, ""); }
    void power_off() override { stop(StopReason::power_off, 0, ""); }
    void reset() override { stop(StopReason::reset, 0, ""); }

    Arena& arena;
    void (*notify)();
    Policy policy;
    CpuModel model;
    HostTime time;
    RingChannel<65536, 4096> serial;
    RingChannel<65536, 4096> debugcon;
    RingChannel<65536, 4096> keyboard;
    Pc pc;
    CodeViews views;
    ShadowPages pages;
    ShadowDescriptors descriptors;
    StubData* stub_data;
    Stubs stubs;
    GuestMemory guest_memory;
    Decoder decoder;
    Dispatcher dispatcher;
};

MachineCore::MachineCore(const RunConfig& config, const CoreMemory& memory, HostSpace& host,
                         const HostLimits& limits, const std::vector<Disk>& drives, void (*notify)())
    : impl_(std::make_unique<Impl>(config, memory, host, limits, drives, notify)) {}
MachineCore::~MachineCore() = default;

Dispatcher& MachineCore::dispatcher() {
    return impl_->dispatcher;
}
DeviceBus& MachineCore::bus() {
    return impl_->pc;
}
Pc& MachineCore::pc() {
    return impl_->pc;
}
const CpuModel& MachineCore::cpu_model() const {
    return impl_->model;
}
void MachineCore::enable_gates(std::uint64_t continuation, HostSelectors& hardware) {
    impl_->pages.enable_gates(continuation);
    if (!impl_->stub_data || !impl_->policy.tuning.stubs) return;
    impl_->stubs.open(impl_->stub_data);
    impl_->stubs.track(&hardware);
    impl_->pages.enable_stubs();
}
bool MachineCore::in_landing(std::uint64_t address) const {
    const std::uint64_t base = std::uint64_t{impl_->arena.shadow.landing_region} << kRegionShift;
    return base != 0 && address >= base && address < base + kLandingRange;
}
Nanoseconds MachineCore::now() {
    return impl_->time.now();
}
void MachineCore::start_clock() {
    impl_->time.start();
}
void MachineCore::pause_clock() {
    impl_->time.pause(impl_->arena.run);
}
void MachineCore::resume_clock() {
    // The first instruction of all is unproven, and traps.
    impl_->time.resume(impl_->arena.run, impl_->arena.trap_count.load(std::memory_order_relaxed) == 0);
    impl_->dispatcher.sensitivity_changed();  // rdtsc shows the host's counter no longer
}
bool MachineCore::ignore_pause() {
    return impl_->time.ignore_pause(impl_->arena.run);
}

bool MachineCore::stopped() const {
    return impl_->arena.stop.reason.load() != StopReason::none;
}
void MachineCore::stop(StopReason reason, int code, const char* detail) {
    impl_->stop(reason, code, detail);
}

gva MachineCore::site_address(std::uint32_t site) const {
    gva address(0);
    impl_->pages.site_address(site, impl_->arena.cpu.cpl == 3, address);
    return address;
}

void MachineCore::record(const HostTrap& trap, std::uint32_t eip, std::uint8_t cpl) {
    Arena& a = impl_->arena;
    const std::uint32_t n = a.trap_count.load(std::memory_order_relaxed);
    TrapRecord& r = a.traps[n % kTrapRingSize];
    r.eip = eip - stepped_over(trap);
    r.error = trap.error;
    r.address = trap.address;
    r.vector = trap.vector;
    r.cause = static_cast<std::uint8_t>(impl_->dispatcher.last_cause());
    r.insn = static_cast<std::uint8_t>(impl_->dispatcher.last_instruction());
    r.cpl = cpl;
    a.trap_count.store(n + 1, std::memory_order_release);
}

std::uint32_t MachineCore::trapped_eip(const HostTrap& trap) const {
    const VCpu& cpu = impl_->arena.cpu;
    const std::uint32_t base = cpu.segment(Seg::cs).base, eip = cpu.eip - stepped_over(trap);
    gva site(0);  // where a pad belongs to: the guest knows of none
    return impl_->pages.site_behind_pad(gva(base + eip), site) ? site.value - base : eip;
}

std::uint32_t MachineCore::trapped_address(const HostTrap& trap) const {
    if (trap.vector != static_cast<std::uint8_t>(Vector::PF)) return trap.address;
    // Data is shifted on the host, and user code where it runs from RAM as data does.
    const bool in_view =
        (trap.error & pf_error::I) && !(impl_->policy.user_code_direct && impl_->arena.cpu.cpl == 3);
    return in_view ? trap.address : impl_->pages.data_address(trap.address).value;
}

unsigned MachineCore::peek_code(gva address, std::uint8_t* into, unsigned room) const {
    unsigned have = 0;
    while (have < room) {
        const gva at = address + have;
        const auto t = walk(impl_->arena.cpu, impl_->guest_memory.ram(), impl_->guest_memory.size(), at,
                            Access::execute(impl_->arena.cpu.cpl == 3), false);
        const unsigned n = std::min(room - have, kPageSize - at.offset());
        if (!t || !impl_->guest_memory.is_ram(t.value().physical)) break;
        std::memcpy(into + have, impl_->guest_memory.ram() + t.value().physical.value, n);
        have += n;
    }
    return have;
}

}  // namespace ringpress
