// Guests of a few bytes under the ptrace engine: how they end, and that they can always be ended.
#include "monitor/engine_ptrace.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <thread>

#include "monitor/batch.hpp"
#include "monitor/boot/boot_state.hpp"
#include "monitor/engine_common.hpp"
#include "monitor/memory_file.hpp"
#include "monitor/unique_fd.hpp"

using namespace ringpress;

namespace {

constexpr std::uint32_t kRamBytes = 4u << 20, kCode = 0x100000, kStack = 0x90000;

/// A machine whose RAM holds a few bytes of 32-bit code at kCode, in flat segments without paging.
struct SmallGuest {
    static constexpr int kItsOwn = -2;
    explicit SmallGuest(std::initializer_list<std::uint8_t> code, void (*notify)() = notify_supervisor,
                        int views_from = kItsOwn)
        : ram_file(ram_file_for(kRamBytes)),
          view_file("test-views", std::uint64_t{kViewSlots} * kPageSize + (64u << 10)),
          arena_file("test-arena", sizeof(Arena)),
          ram(ram_file.map()),
          views(view_file.map()),
          arena_map(arena_file.map()),
          arena(*static_cast<Arena*>(arena_map.get_address())),
          event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
          view_fd(views_from == kItsOwn ? view_file.fd() : views_from),
          batch(static_cast<std::uint8_t*>(ram.get_address()), ram_file.fd(), view_fd) {
        new (&arena.cpu) VCpu{};
        new (&arena.devices) DeviceState{};
        BootState state;
        state.eip = kCode;
        state.gpr[static_cast<unsigned>(Gpr::esp)] = kStack;
        apply(state, arena.cpu);
        auto* bytes = static_cast<std::uint8_t*>(ram.get_address());
        std::memcpy(bytes + kCode, code.begin(), code.size());
        set_notify_fd(event.get());
        RunConfig config;
        config.sensitive = Sensitive::trap;
        core.emplace(config,
                     CoreMemory{&arena, bytes, kRamBytes, static_cast<std::uint8_t*>(views.get_address())},
                     batch, host_limits(), std::vector<Disk>{}, notify);
        core->pc().power_on();
    }

    std::unique_ptr<RunningGuest> start() {
        return start_ptrace_engine({&*core, &arena, {}, ram_file.fd(), view_fd, event.get(), false}, batch);
    }
    /// Waits for the core's word that the guest has ended.
    bool ended() const {
        pollfd p{event.get(), POLLIN, 0};
        return poll(&p, 1, 10'000) == 1;
    }
    StopReason reason() const { return arena.stop.reason.load(); }

    MemoryFile ram_file, view_file, arena_file;
    boost::interprocess::mapped_region ram, views, arena_map;
    Arena& arena;
    UniqueFd event;
    int view_fd;
    HostSpaceBatch batch;
    std::optional<MachineCore> core;
};

double seconds_to_end(RunningGuest& guest) {
    const auto began = std::chrono::steady_clock::now();
    guest.end();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

void never_return() {
    for (;;) pause();
}

}  // namespace

TEST_CASE("A halt that nothing can wake ends the guest under ptrace, with its registers as it left them") {
    SmallGuest machine({0xB8, 0x78, 0x56, 0x34, 0x12,  // mov $0x12345678, %eax
                        0x50, 0x5B,                    // push %eax; pop %ebx
                        0xF4});                        // hlt
    const auto guest = machine.start();
    REQUIRE(machine.ended());
    CHECK(machine.reason() == StopReason::dead_halt);
    guest->end();
    CHECK(machine.arena.cpu.reg(Gpr::eax) == 0x12345678);
    CHECK(machine.arena.cpu.reg(Gpr::ebx) == 0x12345678);
    CHECK(machine.arena.cpu.reg(Gpr::esp) == kStack);
    std::uint32_t pushed;
    std::memcpy(&pushed, static_cast<std::uint8_t*>(machine.ram.get_address()) + kStack - 4, 4);
    CHECK(pushed == 0x12345678);
}

TEST_CASE("FPU state survives page faults and breakpoints under ptrace") {
    SmallGuest machine({0xD9, 0xEB,                          // fldpi
                        0xA3, 0x00, 0x00, 0x20, 0x00,        // mov %eax, 0x200000     a fault
                        0xE6, 0x80,                          // out %al, $0x80         a breakpoint
                        0xDD, 0x1D, 0x00, 0x00, 0x30, 0x00,  // fstpl 0x300000         a fault
                        0xF4});
    const auto guest = machine.start();
    REQUIRE(machine.ended());
    guest->end();
    double pi;
    std::memcpy(&pi, static_cast<std::uint8_t*>(machine.ram.get_address()) + 0x300000, sizeof pi);
    CHECK(pi == Approx(3.14159265358979).epsilon(1e-14));
    CHECK(machine.arena.statistics.traps[static_cast<unsigned>(TrapCause::hidden_fault)] >= 2);
}

TEST_CASE("A guest that loops, or sleeps, is ended at once under ptrace") {
    using Code = std::initializer_list<std::uint8_t>;
    static const Code kLoop{0xEB, 0xFE};  // jmp .
    static const Code kSleep{
        0xB0, 0xFF, 0xE6, 0x21,   // mov $0xff, %al; out %al, $0x21: every interrupt masked
        0xFB, 0xF4, 0xEB, 0xFD};  // sti; hlt; jmp to the hlt
    SmallGuest machine(GENERATE(false, true) ? kSleep : kLoop);
    const auto guest = machine.start();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    CHECK(seconds_to_end(*guest) < 1.5);
    CHECK(machine.reason() == StopReason::none);
    const int status = guest->end();  // again
    CHECK(WIFSIGNALED(status));
}

TEST_CASE("A guest is ended under ptrace even before it has begun") {
    for (int i = 0; i < 20; ++i) {
        SmallGuest machine({0xEB, 0xFE});
        CHECK(seconds_to_end(*machine.start()) < 1.5);
    }
}

TEST_CASE("A guest process killed from outside is noticed under ptrace") {
    SmallGuest machine({0xEB, 0xFE});
    const auto guest = machine.start();
    pollfd p{guest->pidfd(), POLLIN, 0};
    CHECK(poll(&p, 1, 50) == 0);
    syscall(SYS_pidfd_send_signal, guest->pidfd(), SIGKILL, nullptr, 0);
    REQUIRE(poll(&p, 1, 10'000) == 1);
    const int status = guest->end();
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGKILL);
    CHECK(machine.reason() == StopReason::none);
}

TEST_CASE("A call that the host refuses is a failed assertion, and becomes the reason for the end") {
    SmallGuest machine({0xF4}, notify_supervisor, -1);  // no file to map code views from
    const auto guest = machine.start();
    REQUIRE(machine.ended());
    CHECK(machine.reason() == StopReason::bug);
    CHECK(std::string(machine.arena.stop.detail).find("call_failed") != std::string::npos);
    CHECK(seconds_to_end(*guest) < 1.5);
}

TEST_CASE("Code that breaks out to where the stub's failed calls end has broken out, nothing else") {
    const auto target = reinterpret_cast<std::uint64_t>(batch_failed);
    // add sign-extends its operand.
    const auto low = static_cast<std::uint32_t>(target);
    const auto high = static_cast<std::uint32_t>(target >> 32) + (low >> 31);
    const auto byte = [](std::uint32_t value, unsigned n) {
        return static_cast<std::uint8_t>(value >> 8 * n);
    };
    SmallGuest machine({0xB0, 0xCB,  // mov $0xcb, %al: hides a far return
                        0xF9,        // stc
                        0x72, 0x11,  // jc over what follows; it is proven all the same
                        // In a 64-bit segment: rax = batch_failed; jmp *rax
                        0xB8, byte(high, 0), byte(high, 1), byte(high, 2), byte(high, 3),    // mov
                        0x48, 0xC1, 0xE0, 0x20,                                              // shl $32
                        0x48, 0x05, byte(low, 0), byte(low, 1), byte(low, 2), byte(low, 3),  // add
                        0xFF, 0xE0,                                                          // jmp
                        0x6A, 0x33, 0x68, 0x05, 0x00, 0x10, 0x00,  // push $0x33; push $kCode + 5
                        0xEB, 0xE2});                              // jmp to the far return
    const auto guest = machine.start();
    REQUIRE(machine.ended());
    CHECK(machine.reason() == StopReason::fence);
    CHECK(std::string(machine.arena.stop.detail).find("64-bit") != std::string::npos);
    guest->end();
}

TEST_CASE("A core that never comes back is left behind when the guest is ended under ptrace") {
    // Kept for good: the abandoned thread may still be in its middle.
    auto* machine = new SmallGuest({0xBA, 0xF8, 0x03, 0x00, 0x00,  // mov $0x3f8, %edx
                                    0xEE, 0xEE, 0xEE, 0xEE,        // out %al, (%dx), and again
                                    0xEB, 0xF9},                   // jmp back
                                   never_return);
    machine->arena.supervisor_waits.store(1);
    auto guest = machine->start();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    CHECK(seconds_to_end(*guest) < 5);
}
