// Run control from outside: the test is a client of its own, beside the supervisor of the guest.
#include "monitor/debug/run_control.hpp"

#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>

#include "tests/monitor/guest_run.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {

constexpr std::uint32_t kStart = 0x100000;   ///< GuestRun's kernels
constexpr std::uint32_t kLoop = kStart + 8;  ///< kBusyGuest: inc %eax; out %al,$0x80; jmp

struct Stopped {
    Stopped(const std::string& engine, const GuestCode& code)
        : run(engine, code, {"-S", "--sensitive", GENERATE("trap", "inline")}) {
        REQUIRE(eventually([&] { return run.guest_pid() > 0; }));
        shared.emplace(run.pid());
        REQUIRE(eventually([&] { return shared->arena().run.stopped.load() == 1; }));
        control.emplace(shared->arena(), true);
        shared->arena().shadow.debug.attention = 0;  // it has stopped for the supervisor's request
        control->set_ring([&] {
            Arena& arena = shared->arena();
            arena.doorbell.fetch_add(1);
            if (arena.asleep.load())
                syscall(SYS_futex, &arena.doorbell, FUTEX_WAKE, 1, nullptr, nullptr, 0);
            else
                kill(run.guest_pid(), SIGUSR1);
        });
        REQUIRE(stops());
    }
    ~Stopped() {
        kill(run.pid(), SIGTERM);
        run.wait();
    }
    bool stops() {
        return eventually([&] {
            control->handle({});
            return control->stopped();
        });
    }
    VCpu& cpu() { return shared->arena().cpu; }

    GuestRun run;
    std::optional<SharedArena> shared;
    std::optional<RunControl> control;
};

std::string any_engine() {
    return GENERATE(as<std::string>{}, "seccomp", "ptrace");
}

}  // namespace

TEST_CASE("With -S the guest stops before its first instruction, and steps one at a time") {
    Stopped guest(any_engine(), kBusyGuest);
    CHECK(guest.control->last_stop().cause == StopCause::request);
    CHECK(guest.cpu().eip == kStart);
    for (const std::uint32_t next : {2, 4, 6, 8, 9, 11, 8, 9, 11, 8}) {
        guest.control->step();
        REQUIRE(guest.stops());
        CHECK(guest.control->last_stop().cause == StopCause::step);
        CHECK(guest.cpu().eip == kStart + next);
    }
    CHECK((guest.cpu().reg(Gpr::eax) & 0xFF) == '}' + 2);
}

TEST_CASE("A running guest can be stopped, changed and resumed, again and again") {
    Stopped guest(any_engine(), kBusyGuest);
    while (guest.cpu().eip < kLoop) {
        guest.control->step();
        REQUIRE(guest.stops());
    }
    for (int round = 0; round < 20; ++round) {
        guest.control->resume();
        CHECK_FALSE(guest.control->stopped());
        usleep(2000);
        guest.control->request_stop();
        REQUIRE(guest.stops());
        CHECK(guest.control->last_stop().cause == StopCause::request);
        CHECK(guest.cpu().eip >= kLoop);
        CHECK(guest.cpu().eip < kLoop + 5);
        guest.cpu().reg(Gpr::edi) = 0x1000u + static_cast<unsigned>(round);
        guest.control->step();
        REQUIRE(guest.stops());
        CHECK(guest.cpu().reg(Gpr::edi) == 0x1000u + static_cast<unsigned>(round));
    }
}

TEST_CASE("A halted guest can be stopped, and is still halted when it goes on") {
    Stopped guest(any_engine(), kIdleGuest);
    guest.control->resume();
    const auto halted = [&] {
        return guest.cpu().activity == Activity::halted && guest.shared->arena().asleep.load() == 1;
    };
    REQUIRE(eventually(halted));
    for (int round = 0; round < 3; ++round) {
        guest.control->request_stop();
        REQUIRE(guest.stops());
        CHECK(guest.cpu().activity == Activity::halted);
        CHECK(guest.cpu().eip == kStart + 16);
        guest.control->resume();
        usleep(20000);
        guest.control->handle({});
        CHECK_FALSE(guest.control->stopped());
    }
}

TEST_CASE("A breakpoint stops before its instruction each time, and not once it is removed") {
    // An innocuous instruction, a sensitive one, one behind it, and none at all (the middle of one).
    const std::uint32_t at = kLoop + GENERATE(0u, 1u, 3u);
    CAPTURE(at);
    Stopped guest(any_engine(), kBusyGuest);
    REQUIRE(guest.control->add_breakpoint(at));
    guest.control->add_breakpoint(kLoop + 2);  // in the middle: never reached
    for (std::uint32_t round = 0; round < 50; ++round) {
        CAPTURE(round, guest.cpu().eip);
        guest.control->resume();
        REQUIRE(guest.stops());
        CHECK(guest.control->last_stop().cause == StopCause::breakpoint);
        CHECK(guest.control->last_stop().address == at);
        CHECK(guest.cpu().eip == at);
        const std::uint32_t counted = round + (at > kLoop);
        CHECK((guest.cpu().reg(Gpr::eax) & 0xFF) == (('}' + counted) & 0xFF));
    }
    CHECK(guest.control->remove_breakpoint(at));
    CHECK_FALSE(guest.control->remove_breakpoint(at));
    guest.control->resume();
    usleep(20000);
    guest.control->handle({});
    CHECK_FALSE(guest.control->stopped());
    guest.control->request_stop();
    REQUIRE(guest.stops());
    // Where the guest is hot by now, and its sensitive instruction perhaps a gate.
    REQUIRE(guest.control->add_breakpoint(at));
    for (int round = 0; round < 5; ++round) {
        guest.control->resume();
        REQUIRE(guest.stops());
        CHECK(guest.control->last_stop().cause == StopCause::breakpoint);
        CHECK(guest.cpu().eip == at);
    }
}

TEST_CASE("FPU registers can be read and written while the guest is stopped") {
    // fninit; fldpi; 1: fld %st(0); fstp %st(0); jmp 1b
    Stopped guest(any_engine(), {0xDB, 0xE3, 0xD9, 0xEB, 0xD9, 0xC0, 0xDD, 0xD8, 0xEB, 0xFA});
    REQUIRE(guest.control->add_breakpoint(kStart + 4));
    guest.control->resume();
    REQUIRE(guest.stops());
    const std::uint8_t pi[10] = {0x35, 0xC2, 0x68, 0x21, 0xA2, 0xDA, 0x0F, 0xC9, 0x00, 0x40};
    FpuImage image = guest.control->fpu();
    CHECK(std::memcmp(image.bytes + 32, pi, sizeof pi) == 0);
    image.bytes[32] = 0x77;   // ST0
    image.bytes[160] = 0x55;  // XMM0
    image.bytes[27] = 0xFF;   // reserved bits of MXCSR
    guest.control->set_fpu(image);
    guest.control->step();  // fld %st(0): what was ST0 is ST1
    REQUIRE(guest.stops());
    CHECK(guest.control->last_stop().cause == StopCause::step);
    CHECK(guest.cpu().eip == kStart + 6);
    CHECK(guest.control->fpu().bytes[32] == 0x77);
    CHECK(guest.control->fpu().bytes[48] == 0x77);
    CHECK(guest.control->fpu().bytes[160] == 0x55);
}

TEST_CASE("There is room for so many breakpoints and no more") {
    auto arena = std::make_unique<Arena>();
    RunControl control(*arena, false);
    for (std::uint32_t i = 0; i < kMostBreakpoints; ++i) CHECK(control.add_breakpoint(i));
    CHECK_FALSE(control.add_breakpoint(1));
    CHECK(control.remove_breakpoint(7));
    CHECK(control.add_breakpoint(1));
    CHECK_FALSE(control.add_watchpoint({0, 0, Watch::write}));
    CHECK_FALSE(control.add_watchpoint({0, kPageSize + 1, Watch::write}));
}
